-- How exposed each holder is: to whom a regional registry gave the addresses.
-- Grain: exposure one per (campaign, run, kind, holder), changes one per (campaign, every, period,
-- kind, holder); NULL is what nobody
-- holds.
-- Reads: seen_hosts, held_by_holder, periods.  Used by: exposure.py, and by name in any query.
CREATE OR REPLACE TEMP VIEW seen_by_holder AS
SELECT kind, campaign, run, holder AS key, verdict, rung, country_conflict
FROM seen_hosts;
CREATE OR REPLACE TEMP VIEW counted_by_holder AS
FROM counted('seen_by_holder', 'held_by_holder');
CREATE OR REPLACE TEMP VIEW exposure_by_holder AS
SELECT * EXCLUDE (name) RENAME (key AS holder)
FROM counted_by_holder;
CREATE OR REPLACE TEMP VIEW changes_by_holder AS
SELECT * EXCLUDE (name) RENAME (key AS holder)
FROM changed('counted_by_holder');
