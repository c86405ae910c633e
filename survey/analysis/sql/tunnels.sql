-- Tokens that were spoken to the canary through a tunnel, and the nonces it answered.
-- Grain: one per (token, nonce).  Reads: arrivals.  Used by: judged.sql.
CREATE TEMP TABLE tunnels AS
SELECT token, nonce, arg_min(peer, "at") AS peer
FROM arrivals
WHERE kind = 'tunnel' AND token <> ''
GROUP BY token, nonce;
