-- The part of one run that one jurisdiction may see: the only source of its report (law 8).
-- Grain: one per address; the columns of hosts.  Reads: hosts, own_ranges.
-- Used by: jurisdiction.py.
-- own_ranges are the jurisdiction's addresses, less its exclusions, less who has opted out by now.
CREATE TEMP TABLE own_hosts AS
SELECT h.*
FROM hosts AS h
ASOF JOIN own_ranges AS o ON h.ip >= o.range_start
WHERE h.ip <= o.range_end;
