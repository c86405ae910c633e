-- The year of each run.
-- Grain: one per (campaign, run) that is judged.  Reads: periods.  Used by: exposure_by_country.sql,
-- exposure_by_registry_country.sql.
CREATE OR REPLACE TEMP VIEW run_years AS
SELECT campaign, run, year(began) AS year
FROM periods
WHERE every = 'run';
