-- The /24s where a run saw something, by their first addresses.
-- Grain: one per block, sorted.  Reads: hosts.  Used by: denominators.py.  Bound: $campaign, $run.
SELECT DISTINCT (ip & 4294967040)::UINTEGER AS block
FROM hosts
WHERE campaign = $campaign AND run = $run
ORDER BY block;
