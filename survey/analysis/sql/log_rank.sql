-- Whether two sides close at the same pace: the log-rank test, each experiment within itself; over
-- all days, and over those on which one side has had its letter and the other has not.
-- Grain: one per (compared, arm, against).  Reads: curves, durations.  Used by: effect.py.
-- At each day on which a case was closed, so many of the arm are expected among the closed ones as
-- are among those still open.  `score` is observed less expected, `variance` is the hypergeometric.
-- Source: Mantel, Cancer Chemotherapy Reports 50 (1966) 163-170; ties as there.
WITH
sides AS (SELECT DISTINCT part FROM durations),
pairs AS (
    SELECT a.part AS mine, b.part AS other
    FROM sides AS a
    JOIN sides AS b
        ON a.part.compared = b.part.compared AND a.part.stratum = b.part.stratum
        AND b.part.arm = a.part.against
    WHERE a.part.arm <> a.part.against
),
late AS (SELECT part, days, at_risk, closed FROM curves WHERE NOT early),
moments AS (
    SELECT DISTINCT p.mine, p.other, l.days
    FROM pairs AS p
    JOIN late AS l ON l.part = p.mine OR l.part = p.other
    WHERE l.closed > 0
),
counted AS (
    SELECT
        m.mine,
        m.days <= m.mine.apart AS waiting,
        coalesce(a.at_risk, 0) AS at_risk,
        coalesce(a.at_risk, 0) + coalesce(b.at_risk, 0) AS all_at_risk,
        CASE WHEN a.days = m.days THEN a.closed ELSE 0 END AS closed,
        CASE WHEN a.days = m.days THEN a.closed ELSE 0 END
            + CASE WHEN b.days = m.days THEN b.closed ELSE 0 END AS all_closed
    FROM moments AS m
    -- who is still followed at some day is who is so at the next day of the curve
    ASOF LEFT JOIN late AS a ON m.mine = a.part AND m.days <= a.days
    ASOF LEFT JOIN late AS b ON m.other = b.part AND m.days <= b.days
),
scored AS (
    SELECT
        mine,
        waiting,
        closed - all_closed * at_risk / all_at_risk AS score,
        CASE WHEN all_at_risk > 1 THEN
            all_closed * (at_risk / all_at_risk) * (1 - at_risk / all_at_risk)
            * (all_at_risk - all_closed) / (all_at_risk - 1) END AS variance
    FROM counted
)
SELECT
    mine.compared AS compared,
    mine.arm AS arm,
    mine.against AS against,
    sum(score) AS score,
    sum(variance) AS variance,
    sum(score) FILTER (WHERE waiting) AS waiting_score,
    sum(variance) FILTER (WHERE waiting) AS waiting_variance
FROM scored
GROUP BY mine.compared, mine.arm, mine.against;
