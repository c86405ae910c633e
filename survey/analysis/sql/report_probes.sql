-- What each probe found inside one jurisdiction.  Servers are distinct addresses.
-- Grain: one per probe.  Reads: own_findings.  Used by: jurisdiction.py.
SELECT
    probe,
    count(DISTINCT ip) FILTER (WHERE open) AS open,
    count(DISTINCT ip) FILTER (WHERE suspected AND NOT open) AS suspected,
    count(DISTINCT ip) FILTER (WHERE answered) AS answering
FROM (
    SELECT
        probe,
        ip,
        bool_or(verdict = 'open') AS open,
        bool_or(verdict = 'suspected') AS suspected,
        bool_or(rung >= 2) AS answered
    FROM own_findings
    GROUP BY probe, ip
)
GROUP BY probe;
