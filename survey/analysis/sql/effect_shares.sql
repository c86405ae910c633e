-- Which share of the cases of each side was closed after 7, 14, 30 and 90 days, and the difference.
-- Grain: one per (compared, arm, days); sorted.  Reads: curves, effect_sides.  Used by: effect.py.
-- Shares are Kaplan and Meier's, their intervals Greenwood's on the scale of log(-log); where nobody
-- closed yet, or everybody, that has no width, and the exact interval of none, or all, out of those
-- still followed takes its place.  NULL where nobody is followed so long, or the last one who was
-- closed, which says nothing of those who left before.  The interval of a difference is put together from those of its two shares
-- (Zou and Donner, Statistics in Medicine 27 (2008) 1693-1702, s2).  Several experiments count by
-- their cases, each compared within itself, since their shares of who waits differ.
WITH
days AS (SELECT unnest([7, 14, 30, 90]) AS days),
sizes AS (
    SELECT
        part,
        count(*) AS cases,
        max(coalesce(most, least)) AS followed,
        bool_and(is_fixed) AS all_closed
    FROM durations
    GROUP BY part
),
at_day AS (
    SELECT
        s.part,
        d.days,
        s.cases,
        s.all_closed OR (s.followed >= d.days AND coalesce(c.still_open, 1.0) > 0) AS known,
        coalesce(c.still_open, 1.0) AS still_open,
        coalesce(c.spread, 0.0) AS spread,
        coalesce(e.still_open, 1.0) AS earliest,
        pow(0.025, 1.0 / coalesce(n.at_risk, s.cases)) AS barely
    FROM sizes AS s
    CROSS JOIN days AS d
    ASOF LEFT JOIN (SELECT * FROM curves WHERE NOT early) AS c
        ON s.part = c.part AND d.days >= c.days
    ASOF LEFT JOIN (SELECT * FROM curves WHERE early) AS e
        ON s.part = e.part AND d.days >= e.days
    ASOF LEFT JOIN (SELECT * FROM curves WHERE NOT early) AS n
        ON s.part = n.part AND d.days <= n.days
),
shares AS (
    SELECT
        part,
        days,
        cases,
        known,
        1 - still_open AS share,
        CASE WHEN still_open <= 0 THEN barely
            ELSE 1 - band_high(still_open, spread) END AS low,
        CASE WHEN still_open >= 1 THEN 1 - barely
            ELSE 1 - band_low(still_open, spread) END AS high,
        1 - earliest AS most
    FROM at_day
),
pairs AS (
    SELECT
        a.part.compared AS compared,
        a.part.arm AS arm,
        a.part.against AS against,
        a.days,
        a.cases,
        b.cases AS cases_against,
        a.known AND b.known AS known,
        a.cases + b.cases AS weight,
        a.share,
        a.low,
        a.high,
        a.most,
        b.share AS other,
        b.low AS other_low,
        b.high AS other_high,
        b.most AS other_most,
        a.share - b.share AS gain,
        a.share - b.share - sqrt(pow(a.share - a.low, 2) + pow(b.high - b.share, 2)) AS gain_low,
        a.share - b.share + sqrt(pow(a.high - a.share, 2) + pow(b.share - b.low, 2)) AS gain_high
    FROM shares AS a
    JOIN shares AS b
        ON a.days = b.days AND a.part.compared = b.part.compared
        AND a.part.stratum = b.part.stratum AND b.part.arm = a.part.against
    WHERE a.part.arm <> a.part.against
),
weighted AS (
    SELECT *, CASE WHEN known THEN weight / sum(weight) FILTER (WHERE known)
        OVER (PARTITION BY compared, arm, against, days) END AS w
    FROM pairs
)
SELECT
    compared,
    arm,
    against,
    days,
    sum(cases)::BIGINT AS cases,
    sum(cases_against)::BIGINT AS cases_against,
    sum(w * share) AS closed,
    sum(w * share) - sqrt(sum(pow(w * (share - low), 2))) AS closed_low,
    sum(w * share) + sqrt(sum(pow(w * (high - share), 2))) AS closed_high,
    sum(w * most) AS closed_most,
    sum(w * other) AS against_closed,
    sum(w * other) - sqrt(sum(pow(w * (other - other_low), 2))) AS against_low,
    sum(w * other) + sqrt(sum(pow(w * (other_high - other), 2))) AS against_high,
    sum(w * other_most) AS against_most,
    sum(w * gain) AS difference,
    sum(w * gain) - sqrt(sum(pow(w * (gain - gain_low), 2))) AS difference_low,
    sum(w * gain) + sqrt(sum(pow(w * (gain_high - gain), 2))) AS difference_high
FROM weighted
GROUP BY compared, arm, against, days
ORDER BY list_position(['letter', 'language', 'medium', 'wording'], compared), arm, against, days;
