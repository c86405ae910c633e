-- Open servers of one jurisdiction in earlier runs, each by its own day's registries (law 8).
-- Grain: one per (run, ip).  Reads: past_hosts, within.  Used by: jurisdiction.py.
CREATE OR REPLACE TEMP TABLE own_past AS
SELECT run, ip, asn, network, relay, proxy
FROM within('past_hosts')
WHERE verdict = 'open';
