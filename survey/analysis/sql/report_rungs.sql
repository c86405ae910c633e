-- How far up the ladder the tests inside one jurisdiction got.
-- Grain: one per rung that was reached; counts (ip, port, probe).  Reads: own_findings.
-- Used by: jurisdiction.py.
SELECT rung, count(*) AS reached
FROM own_findings
GROUP BY rung;
