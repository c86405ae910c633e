-- How exposed each network is in one run.  Hosts are distinct addresses.
-- Grain: one per network; NULL is what no registry range holds.  Names come with the addresses.
-- Reads: scope (hosts), addresses.  Used by: exposure.py.  Bound: $campaign, $run, $kind.
WITH
seen AS (
    SELECT
        asn,
        rung,
        CASE $kind WHEN 'relay' THEN relay WHEN 'proxy' THEN proxy ELSE verdict END AS verdict
    FROM scope
    WHERE campaign = $campaign AND run = $run
),
counted AS (
    SELECT
        asn,
        count(*) FILTER (WHERE verdict = 'open') AS open,
        count(*) FILTER (WHERE verdict = 'suspected') AS suspected,
        count(*) FILTER (WHERE verdict = 'closed') AS closed,
        count(*) FILTER (WHERE verdict = 'unknown') AS unknown,
        count(*) FILTER (WHERE verdict IS NOT NULL AND rung >= 1) AS answering
    FROM seen
    GROUP BY asn
),
joined AS (
    SELECT
        coalesce(c.asn, a.asn) AS asn,
        a.network,
        coalesce(c.open, 0) AS open,
        coalesce(c.suspected, 0) AS suspected,
        coalesce(c.closed, 0) AS closed,
        coalesce(c.unknown, 0) AS unknown,
        coalesce(c.answering, 0) AS answering,
        coalesce(a.addresses, 0) AS addresses
    FROM counted AS c
    FULL JOIN addresses AS a ON c.asn IS NOT DISTINCT FROM a.asn
)
SELECT
    *,
    100000.0 * open / nullif(answering, 0) AS per_100k_answering,
    100000.0 * wilson_low(open, answering) AS per_100k_low,
    100000.0 * wilson_high(open, answering) AS per_100k_high,
    1000000.0 * open / nullif(addresses, 0) AS per_million_addresses
FROM joined
ORDER BY open DESC, suspected DESC, answering DESC, asn NULLS LAST;
