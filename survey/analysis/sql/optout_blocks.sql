-- The /16 blocks that hold an opt-out.
-- Grain: one per block.  Reads: optout_ranges, late_ranges.  Used by: visible.sql.
CREATE TABLE optout_blocks AS
SELECT DISTINCT unnest(range(range_start >> 16, (range_end >> 16) + 1)) AS block
FROM optout_ranges;
CREATE TABLE late_blocks AS
SELECT DISTINCT unnest(range(range_start >> 16, (range_end >> 16) + 1)) AS block
FROM late_ranges;
