-- The rows of a table that belong to the jurisdiction at hand, each by its own day's registries.
-- Grain: the table's.  Reads: the named table (ip, country, asn), own_countries, own_networks,
-- own_ranges, foreign_ranges (its exclusions, and who is shown to nobody).
-- Used by: exposure.py, report_scope.sql.
CREATE OR REPLACE TEMP MACRO within(source) AS TABLE
SELECT t.*
FROM query_table(source) AS t
ASOF LEFT JOIN own_ranges AS r ON t.ip >= r.range_start
ASOF LEFT JOIN foreign_ranges AS x ON t.ip >= x.range_start
WHERE
    (
        t.country IN (SELECT country FROM own_countries)
        OR t.asn IN (SELECT asn FROM own_networks)
        OR coalesce(t.ip <= r.range_end, FALSE)
    )
    AND NOT coalesce(t.ip <= x.range_end, FALSE);
