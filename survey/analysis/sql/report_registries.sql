-- The registry snapshots that a run was judged with.
-- Grain: one row.  Reads: hosts.  Used by: jurisdiction.py.
SELECT count(*) AS held, min(country_snapshot) AS country, min(network_snapshot) AS network
FROM hosts;
