-- How exposed each organisation is: who runs the networks.
-- Grain: exposure one per (campaign, run, kind, organisation), changes one per (campaign, every, period,
-- kind, organisation); NULL is what no organisation is
-- known for.
-- Reads: seen_hosts, held_by_organisation, periods.  Used by: exposure.py, and by name in any query.
CREATE OR REPLACE TEMP VIEW seen_by_organisation AS
SELECT kind, campaign, run, organisation AS key, verdict, rung, country_conflict
FROM seen_hosts;
CREATE OR REPLACE TEMP VIEW counted_by_organisation AS
FROM counted('seen_by_organisation', 'held_by_organisation');
CREATE OR REPLACE TEMP VIEW exposure_by_organisation AS
SELECT * EXCLUDE (name) RENAME (key AS organisation)
FROM counted_by_organisation;
CREATE OR REPLACE TEMP VIEW changes_by_organisation AS
SELECT * EXCLUDE (name) RENAME (key AS organisation)
FROM changed('counted_by_organisation');
