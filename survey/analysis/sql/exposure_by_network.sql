-- How exposed each network is.
-- Grain: exposure one per (campaign, run, kind, asn), changes one per (campaign, every, period,
-- kind, asn); NULL is what no range of the registry holds.
-- Names come with the addresses.
-- Reads: seen_hosts, held_by_network, periods.  Used by: exposure.py, and by name in any query.
CREATE OR REPLACE TEMP VIEW seen_by_network AS
SELECT kind, campaign, run, asn AS key, verdict, rung, country_conflict
FROM seen_hosts;
CREATE OR REPLACE TEMP VIEW counted_by_network AS
FROM counted('seen_by_network', 'held_by_network');
CREATE OR REPLACE TEMP VIEW exposure_by_network AS
SELECT * RENAME (key AS asn, name AS network)
FROM counted_by_network;
CREATE OR REPLACE TEMP VIEW changes_by_network AS
SELECT * RENAME (key AS asn, name AS network)
FROM changed('counted_by_network');
