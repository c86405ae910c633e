-- Which of some addresses one jurisdiction may see.
-- Grain: one per address.  Reads: own_hosts, asked (ip).  Used by: jurisdiction.py.
SELECT ip
FROM own_hosts
SEMI JOIN asked USING (ip);
