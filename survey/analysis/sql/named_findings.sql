-- The verdicts, each address also as text.
-- Grain: one per (campaign, run, ip, port, probe).  Reads: findings.  Used by: notebook.py.
-- Bound: $campaign, $run (NULL for all).
SELECT ip_text(ip) AS address, *
FROM findings
WHERE ($campaign IS NULL OR campaign = $campaign) AND ($run IS NULL OR run = $run)
ORDER BY campaign, run, rung DESC, ip, port, probe;
