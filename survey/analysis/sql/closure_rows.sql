-- The curve of each part with its band, at each day on which something closed; day 0 first.
-- Grain: one per (part, days); sorted by it.  Reads: curves.  Used by: closure.py.
WITH
late AS (SELECT * FROM curves WHERE NOT early AND closed > 0),
banded AS (
    SELECT
        part,
        days,
        at_risk,
        closed,
        still_open,
        band_low(still_open, spread) AS low,
        band_high(still_open, spread) AS high
    FROM late
    UNION ALL
    SELECT part, 0, max(at_risk), 0, 1.0, 1.0, 1.0 FROM curves WHERE NOT early GROUP BY part
)
SELECT
    b.part,
    b.days,
    b.at_risk,
    b.closed,
    b.still_open,
    b.low,
    b.high,
    coalesce(e.still_open, 1.0) AS still_open_earliest
FROM banded AS b
ASOF LEFT JOIN (SELECT * FROM curves WHERE early) AS e ON b.part IS NOT DISTINCT FROM e.part
    AND b.days >= e.days
ORDER BY b.part NULLS LAST, b.days;
