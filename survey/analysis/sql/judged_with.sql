-- The registry snapshots that a run was judged with; no row if it has no host.
-- Grain: one row.  Reads: stored.hosts.  Used by: notebook.py.  Bound: $campaign, $run.
SELECT country_snapshot, network_snapshot
FROM stored.hosts
WHERE campaign = $campaign AND run = $run
LIMIT 1;
