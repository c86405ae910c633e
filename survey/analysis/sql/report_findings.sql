-- The findings of the addresses that one jurisdiction may see.
-- Grain: one per (campaign, run, ip, port, probe).  Reads: findings, own_hosts.
-- Used by: jurisdiction.py.
CREATE TEMP TABLE own_findings AS
SELECT f.*
FROM findings AS f
SEMI JOIN own_hosts AS h ON f.ip = h.ip;
