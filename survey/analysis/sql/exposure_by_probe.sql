-- What each probe found, on hosts that answered on its ports.
-- Grain: exposure one per (campaign, run, kind, probe), changes one per (campaign, every, period,
-- kind, probe); never NULL.
-- Reads: seen_findings, held_by_probe, periods.  Used by: exposure.py, and by name in any query.
CREATE OR REPLACE TEMP VIEW seen_by_probe AS
SELECT
    kind,
    campaign,
    run,
    probe AS key,
    CASE min(weight) WHEN 1 THEN 'open' WHEN 2 THEN 'suspected' WHEN 3 THEN 'unknown' ELSE 'closed'
    END AS verdict,
    max(rung) AS rung,
    bool_or(country_conflict) AS country_conflict
FROM seen_findings
GROUP BY kind, campaign, run, probe, ip;
CREATE OR REPLACE TEMP VIEW counted_by_probe AS
FROM counted('seen_by_probe', 'held_by_probe');
CREATE OR REPLACE TEMP VIEW exposure_by_probe AS
SELECT * EXCLUDE (name) RENAME (key AS probe)
FROM counted_by_probe;
CREATE OR REPLACE TEMP VIEW changes_by_probe AS
SELECT * EXCLUDE (name) RENAME (key AS probe)
FROM changed('counted_by_probe');
