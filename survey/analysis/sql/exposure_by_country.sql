-- How exposed each country is, by where addresses are.
-- Grain: exposure one per (campaign, run, kind, country), changes one per (campaign, every, period,
-- kind, country); NULL is what no range of the registry holds.
-- Reads: seen_hosts, held_by_country, periods, run_years, population.  Used by: exposure.py, and by name in any query.
-- People are those of the last year known before or in the run's own.
CREATE OR REPLACE TEMP VIEW seen_by_country AS
SELECT kind, campaign, run, country AS key, verdict, rung, country_conflict
FROM seen_hosts;
CREATE OR REPLACE TEMP VIEW counted_by_country AS
FROM counted('seen_by_country', 'held_by_country');
CREATE OR REPLACE TEMP VIEW exposure_by_country AS
SELECT
    c.* EXCLUDE (name) RENAME (key AS country),
    p.people,
    1000000.0 * c.open / nullif(p.people, 0) AS per_million_people
FROM counted_by_country AS c
JOIN run_years AS y USING (campaign, run)
ASOF LEFT JOIN population AS p ON p.country = c.key AND y.year >= p.year;
CREATE OR REPLACE TEMP VIEW changes_by_country AS
SELECT * EXCLUDE (name) RENAME (key AS country)
FROM changed('counted_by_country');
