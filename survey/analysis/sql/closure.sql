-- Which share is still open so many days after it was found: the estimate of Kaplan and Meier.
-- Grain: one per (part, days).  Reads: durations.  Used by: closure.py.
-- Nobody saw the moment of closing, only the two checks around it.  `still_open` dates it at the
-- first negative check, `still_open_earliest` at the last proof: the truth lies between them.  The
-- band (95 %) is Greenwood's on the scale of log(-log), as is usual.
-- Source: Kaplan and Meier, JASA 53 (1958) 457-481; Kalbfleisch and Prentice (1980) s1.4.
CREATE OR REPLACE TEMP TABLE curves AS
WITH
times AS (
    SELECT part, FALSE AS early, coalesce(most, least) AS days, is_fixed FROM durations
    UNION ALL
    SELECT part, TRUE, least, is_fixed FROM durations
),
steps AS (
    SELECT
        part,
        early,
        days,
        count(*) FILTER (WHERE is_fixed) AS closed,
        sum(count(*)) OVER (
            PARTITION BY part, early ORDER BY days DESC
        )::BIGINT AS at_risk
    FROM times
    GROUP BY part, early, days
)
SELECT
    part,
    early,
    days,
    at_risk,
    closed,
    product(1 - closed / at_risk) OVER along AS still_open,
    sum(CASE WHEN closed < at_risk THEN closed / (at_risk * (at_risk - closed)) END)
        OVER along AS spread
FROM steps
WINDOW along AS (PARTITION BY part, early ORDER BY days);
