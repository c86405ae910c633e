-- Messages that came to the mailbox of a recipient token.
-- Grain: one per token.  Reads: arrivals.  Used by: judged.sql, flags.sql.
-- A token in another place (callout, bounce, MAIL FROM, EHLO) is of another kind and proves nothing.
CREATE TEMP TABLE letters AS
SELECT
    token,
    bool_or(complete) AS complete,
    arg_min(peer, "at") FILTER (WHERE complete) AS peer,
    min("at") FILTER (WHERE complete) AS arrived_at
FROM arrivals
WHERE kind = 'message' AND token <> ''
GROUP BY token;
