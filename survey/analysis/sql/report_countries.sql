-- How exposed each country of one jurisdiction is.  Servers are distinct addresses.
-- Grain: one per country, the most open first; NULL is what no registry range holds.
-- Reads: own_hosts, own_lands (country, addresses: what was tested of the jurisdiction).
-- Used by: jurisdiction.py.
WITH counted AS (
    SELECT country, count(*) AS open
    FROM own_hosts
    WHERE verdict = 'open'
    GROUP BY country
)
SELECT
    coalesce(coalesce(c.country, l.country), '') AS country,
    coalesce(c.open, 0) AS open,
    coalesce(l.addresses, 0) AS tested
FROM counted AS c
FULL JOIN own_lands AS l ON c.country IS NOT DISTINCT FROM l.country
ORDER BY open DESC, tested DESC, country;
