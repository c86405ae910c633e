-- Which share was closed 7, 14, 30 and 90 days after it was found, and the median time to closure.
-- Grain: one per part; most episodes first.  Reads: durations, curves.  Used by: closure.py.
-- closed_7 counts what was certainly closed by then (seen closed), closed_7_most what may have been
-- (last seen open before); the band is of closed_7.  NULL where nobody was followed so long.
WITH
days AS (SELECT unnest([7, 14, 30, 90]) AS days),
parts AS (
    SELECT
        part,
        any_value(network) AS network,
        count(*) AS episodes,
        count(*) FILTER (WHERE is_fixed) AS fixed,
        max(coalesce(most, least)) AS followed
    FROM durations
    GROUP BY part
),
at_day AS (
    SELECT
        p.part,
        d.days,
        p.followed >= d.days AS known,
        coalesce(c.still_open, 1.0) AS still_open,
        coalesce(c.spread, 0.0) AS spread,
        coalesce(e.still_open, 1.0) AS earliest
    FROM parts AS p
    CROSS JOIN days AS d
    ASOF LEFT JOIN (SELECT * FROM curves WHERE NOT early) AS c
        ON p.part IS NOT DISTINCT FROM c.part AND d.days >= c.days
    ASOF LEFT JOIN (SELECT * FROM curves WHERE early) AS e
        ON p.part IS NOT DISTINCT FROM e.part AND d.days >= e.days
),
shares AS (
    SELECT
        part,
        days,
        CASE WHEN known THEN 1 - still_open END AS share,
        CASE WHEN known THEN 1 - band_high(still_open, spread) END AS low,
        CASE WHEN known THEN 1 - band_low(still_open, spread) END AS high,
        CASE WHEN known THEN 1 - earliest END AS most
    FROM at_day
),
medians AS (
    SELECT
        part,
        min(days) FILTER (WHERE early AND still_open <= 0.5) AS least,
        min(days) FILTER (WHERE NOT early AND still_open <= 0.5) AS most
    FROM curves
    GROUP BY part
)
SELECT
    p.part,
    CASE WHEN $what = 'network' THEN p.network END AS network,
    p.episodes,
    p.fixed,
    m.least AS median_days_least,
    m.most AS median_days,
    max(s.share) FILTER (WHERE s.days = 7) AS closed_7,
    max(s.low) FILTER (WHERE s.days = 7) AS closed_7_low,
    max(s.high) FILTER (WHERE s.days = 7) AS closed_7_high,
    max(s.most) FILTER (WHERE s.days = 7) AS closed_7_most,
    max(s.share) FILTER (WHERE s.days = 14) AS closed_14,
    max(s.low) FILTER (WHERE s.days = 14) AS closed_14_low,
    max(s.high) FILTER (WHERE s.days = 14) AS closed_14_high,
    max(s.most) FILTER (WHERE s.days = 14) AS closed_14_most,
    max(s.share) FILTER (WHERE s.days = 30) AS closed_30,
    max(s.low) FILTER (WHERE s.days = 30) AS closed_30_low,
    max(s.high) FILTER (WHERE s.days = 30) AS closed_30_high,
    max(s.most) FILTER (WHERE s.days = 30) AS closed_30_most,
    max(s.share) FILTER (WHERE s.days = 90) AS closed_90,
    max(s.low) FILTER (WHERE s.days = 90) AS closed_90_low,
    max(s.high) FILTER (WHERE s.days = 90) AS closed_90_high,
    max(s.most) FILTER (WHERE s.days = 90) AS closed_90_most
FROM parts AS p
JOIN medians AS m ON p.part IS NOT DISTINCT FROM m.part
JOIN shares AS s ON p.part IS NOT DISTINCT FROM s.part
GROUP BY ALL
ORDER BY p.episodes DESC, p.part NULLS LAST;
