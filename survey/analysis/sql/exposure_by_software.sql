-- How exposed the servers of each program are; a host with several counts in each.
-- Grain: exposure one per (campaign, run, kind, software), changes one per (campaign, every, period,
-- kind, software); NULL is what no
-- fingerprint knows.
-- Reads: seen_findings, held_by_software, periods.  Used by: exposure.py, and by name in any query.
-- Nobody knows what a silent address would have run: there are no addresses.
CREATE OR REPLACE TEMP VIEW seen_by_software AS
SELECT
    kind,
    campaign,
    run,
    software AS key,
    CASE min(weight) WHEN 1 THEN 'open' WHEN 2 THEN 'suspected' WHEN 3 THEN 'unknown' ELSE 'closed'
    END AS verdict,
    max(rung) AS rung,
    bool_or(country_conflict) AS country_conflict
FROM seen_findings
GROUP BY kind, campaign, run, software, ip;
CREATE OR REPLACE TEMP VIEW counted_by_software AS
FROM counted('seen_by_software', 'held_by_software');
CREATE OR REPLACE TEMP VIEW exposure_by_software AS
SELECT * EXCLUDE (name, addresses, per_million_addresses) RENAME (key AS software)
FROM counted_by_software;
CREATE OR REPLACE TEMP VIEW changes_by_software AS
SELECT * EXCLUDE (name) RENAME (key AS software)
FROM changed('counted_by_software');
