-- Tokens that were spoken to the canary through a tunnel, and the nonces it answered.
-- Grain: one per (token, nonce); the nonce is empty where none could be answered.  Reads: arrivals.  Used by: judged.sql, flags.sql.
CREATE TEMP TABLE tunnels AS
SELECT token, nonce, arg_min(peer, "at") AS peer, arg_min(headers, "at") AS headers
FROM arrivals
WHERE kind = 'tunnel' AND token <> ''
GROUP BY token, nonce;
