-- Each period's counts beside those of the period before, by key.
-- Grain: one per (campaign, every, period, kind, key) with a period before; the key has a row as
-- soon as one of the two periods has.  Reads: the named view of counts (as counted.sql), periods.
-- Used by: exposure_by_*.sql.
-- change, rate_change: positive is worse.  rank_change: places gained towards the worst.
-- clear: the 95 % intervals of the two rates don't overlap, so chance alone is a poor explanation.
CREATE OR REPLACE TEMP MACRO changed(counts) AS TABLE
WITH
sides AS (
    SELECT p.campaign, p.every, p.period, p.previous_period, TRUE AS now, e.* EXCLUDE (campaign)
    FROM periods AS p
    JOIN query_table(counts) AS e ON p.campaign = e.campaign AND p.run = e.run
    WHERE p.previous_run IS NOT NULL
    UNION ALL
    SELECT p.campaign, p.every, p.period, p.previous_period, FALSE AS now, e.* EXCLUDE (campaign)
    FROM periods AS p
    JOIN query_table(counts) AS e ON p.campaign = e.campaign AND p.previous_run = e.run
),
paired AS (
    SELECT
        campaign,
        every,
        period,
        any_value(previous_period) AS previous_period,
        kind,
        key,
        coalesce(any_value(name) FILTER (WHERE now), any_value(name)) AS name,
        coalesce(any_value(open) FILTER (WHERE now), 0) AS open,
        coalesce(any_value(open) FILTER (WHERE NOT now), 0) AS open_before,
        coalesce(any_value(answering) FILTER (WHERE now), 0) AS answering,
        coalesce(any_value(answering) FILTER (WHERE NOT now), 0) AS answering_before,
        any_value(per_100k_answering) FILTER (WHERE now) AS per_100k_answering,
        any_value(per_100k_answering) FILTER (WHERE NOT now) AS per_100k_before,
        any_value(per_100k_low) FILTER (WHERE now) AS low,
        any_value(per_100k_high) FILTER (WHERE now) AS high,
        any_value(per_100k_low) FILTER (WHERE NOT now) AS low_before,
        any_value(per_100k_high) FILTER (WHERE NOT now) AS high_before,
        any_value(rank) FILTER (WHERE now) AS rank,
        any_value(rank) FILTER (WHERE NOT now) AS rank_before
    FROM sides
    GROUP BY campaign, every, period, kind, key
)
SELECT
    campaign,
    every,
    period,
    previous_period,
    kind,
    key,
    name,
    open_before,
    open,
    open - open_before AS change,
    per_100k_before,
    per_100k_answering,
    per_100k_answering - per_100k_before AS rate_change,
    low > high_before OR high < low_before AS clear,
    answering_before,
    answering,
    rank_before,
    rank,
    rank_before - rank AS rank_change
FROM paired;
