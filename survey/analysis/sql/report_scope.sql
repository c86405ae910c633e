-- The part of one run that one jurisdiction may see: the only source of its report (law 8).
-- Grain: one per address; the columns of hosts.  Reads: hosts, within.  Used by: jurisdiction.py.
CREATE TEMP TABLE own_hosts AS
FROM within('hosts');
