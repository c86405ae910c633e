-- The addresses of one run that are open or suspected, to be looked up in public listings.
-- Grain: one per address; sorted.  Reads: findings.  Used by: open_servers.py.
SELECT DISTINCT ip
FROM findings
WHERE verdict IN ('open', 'suspected')
ORDER BY ip;
