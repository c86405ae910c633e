-- The days on which something was observed, UTC.
-- Grain: one per day, sorted.  Reads: observations.  Used by: located.py.
SELECT DISTINCT started_at::DATE AS day
FROM observations
ORDER BY day;
