-- Hosts counted by a key, with denominators, rates and ranks: the one place of these formulas.
-- Grain: one per (campaign, run, kind, key); a NULL key is what no registry or fingerprint knows.
-- Reads: the named views of what was seen (kind, campaign, run, key, verdict, rung,
-- country_conflict) and of addresses tested (space, key, name, addresses), spaces, kinds.
-- Used by: exposure_by_*.sql.
-- What was seen and what was tested are put below each other and grouped, not joined: so a key with
-- either is a row, and a condition on run, kind or key reaches both.
CREATE OR REPLACE TEMP MACRO counted(seen, held) AS TABLE
WITH
tallied AS (
    SELECT
        campaign,
        run,
        kind,
        key,
        count(*) FILTER (WHERE verdict = 'open') AS open,
        count(*) FILTER (WHERE verdict = 'suspected') AS suspected,
        count(*) FILTER (WHERE verdict = 'closed') AS closed,
        count(*) FILTER (WHERE verdict = 'unknown') AS unknown,
        count(*) FILTER (WHERE rung >= 1) AS answering,
        count(*) FILTER (WHERE verdict = 'open' AND country_conflict) AS open_in_conflict
    FROM query_table(seen)
    GROUP BY campaign, run, kind, key
),
parts AS (
    SELECT *, NULL::VARCHAR AS name, 0 AS addresses FROM tallied
    UNION ALL
    SELECT s.campaign, s.run, k.kind, h.key, 0, 0, 0, 0, 0, 0, h.name, h.addresses
    FROM spaces AS s
    JOIN query_table(held) AS h USING (space)
    CROSS JOIN kinds AS k
),
joined AS (
    SELECT
        campaign,
        run,
        kind,
        key,
        max(name) AS name,
        max(open) AS open,
        max(suspected) AS suspected,
        max(closed) AS closed,
        max(unknown) AS unknown,
        max(answering) AS answering,
        sum(addresses)::BIGINT AS addresses,
        max(open_in_conflict) AS open_in_conflict
    FROM parts
    GROUP BY campaign, run, kind, key
)
SELECT
    *,
    100000.0 * open / nullif(answering, 0) AS per_100k_answering,
    100000.0 * wilson_low(open, answering) AS per_100k_low,
    100000.0 * wilson_high(open, answering) AS per_100k_high,
    1000000.0 * open / nullif(addresses, 0) AS per_million_addresses,
    -- a gap of the registries is nobody's, and takes no place
    CASE WHEN key IS NOT NULL THEN
        rank() OVER (PARTITION BY campaign, run, kind, key IS NULL ORDER BY open DESC)
    END AS rank,
    CASE WHEN key IS NOT NULL AND answering > 0 THEN
        rank() OVER (
            PARTITION BY campaign, run, kind, key IS NULL
            ORDER BY coalesce(wilson_low(open, answering), -1) DESC
        )
    END AS rate_rank
FROM joined;
