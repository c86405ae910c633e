-- How exposed each /24 is; only blocks where something was seen.
-- Grain: exposure one per (campaign, run, kind, block), changes one per (campaign, every, period,
-- kind, block); never NULL.
-- A block is written by its first address; text by block_text(block).
-- Reads: seen_hosts, held_by_block, periods.  Used by: exposure.py, and by name in any query.
CREATE OR REPLACE TEMP VIEW seen_by_block AS
SELECT kind, campaign, run, (ip & 4294967040)::UINTEGER AS key, verdict, rung, country_conflict
FROM seen_hosts;
CREATE OR REPLACE TEMP VIEW counted_by_block AS
FROM counted('seen_by_block', 'held_by_block');
CREATE OR REPLACE TEMP VIEW exposure_by_block AS
SELECT * EXCLUDE (name) RENAME (key AS block)
FROM counted_by_block;
CREATE OR REPLACE TEMP VIEW changes_by_block AS
SELECT * EXCLUDE (name) RENAME (key AS block)
FROM changed('counted_by_block');
