-- Each finding under the kind that it belongs to, and under 'any'.
-- Grain: one per (kind, campaign, run, ip, port, probe).  Reads: scoped_findings.
-- Used by: exposure_by_software.sql, exposure_by_probe.sql.
-- weight: of several findings of a host the lowest counts; open, then suspected, then unknown;
-- closed only if all are.
CREATE TEMP VIEW seen_findings AS
WITH weighed AS (
    SELECT
        campaign, run, ip, probe, software, rung, country_conflict,
        CASE verdict WHEN 'open' THEN 1 WHEN 'suspected' THEN 2 WHEN 'unknown' THEN 3 ELSE 4 END
            AS weight
    FROM scoped_findings
)
SELECT 'any' AS kind, * FROM weighed
UNION ALL
SELECT 'relay', * FROM weighed WHERE probe = 'smtp_relay'
UNION ALL
SELECT 'proxy', * FROM weighed WHERE probe <> 'smtp_relay';
