-- What each run found open in one jurisdiction.  Servers are distinct addresses.
-- Grain: one per run that found something.  Reads: own_past.  Used by: jurisdiction.py.
SELECT
    run,
    count(*) AS open,
    count(*) FILTER (WHERE relay = 'open') AS relays,
    count(*) FILTER (WHERE proxy = 'open') AS proxies
FROM own_past
GROUP BY run;
