-- Which programs the open servers of one jurisdiction run.  Servers are distinct addresses.
-- Grain: one per program, the most frequent first; '' is what nobody could tell.
-- Reads: own_findings.  Used by: jurisdiction.py.
-- A server that runs two programs counts for each, one of whose programs is known not as unknown.
WITH told AS (
    SELECT DISTINCT ip, coalesce(software, '') AS software
    FROM own_findings
    WHERE verdict = 'open'
)
SELECT software, count(*) AS open
FROM told AS t
WHERE software <> '' OR NOT EXISTS (SELECT 1 FROM told AS o WHERE o.ip = t.ip AND o.software <> '')
GROUP BY software
ORDER BY open DESC, software;
