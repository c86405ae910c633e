-- What became of each case that was drawn by lot, from the lot on.
-- Grain: one per case.  Reads: scope_episodes, letters (schema TOLD).  Used by: effect_sides.sql.
-- Chance decided about the case, so the case is what is counted: it is closed when the last of its
-- exposures is.  Whoever was to be told counts as told, though the letter may have bounced or never
-- have gone out, and whoever was to wait as held out, though the letter came later: else the groups
-- would no longer be alike.  Days are whole ones, so that the test of day 7 tells of 7 days.
-- An exposure that came into two cases counts for the first lot; a case of which nothing was open
-- any more, or whose operator has opted out, has no days.
CREATE OR REPLACE TEMP TABLE effect_cases AS
WITH
drawn AS (
    SELECT
        campaign,
        "case",
        any_value(agency || ': ' || experiment) AS stratum,
        any_value(label) AS label,
        any_value(language) AS language,
        any_value(medium) AS medium,
        any_value(wording) AS wording,
        min(epoch(until - drawn_at) / 86400) AS waits,
        bool_or(sent_at IS NOT NULL) AS sent,
        coalesce(bool_or(delivered), FALSE) AS delivered,
        coalesce(bool_or(bounced), FALSE) AS bounced
    FROM letters
    WHERE experiment <> ''
    GROUP BY campaign, "case"
),
exposures AS (
    SELECT
        l.campaign,
        l."case",
        e.fixed_at IS NOT NULL AS is_fixed,
        epoch(e.last_open_at - l.drawn_at) / 86400 AS least,
        epoch(e.fixed_at - l.drawn_at) / 86400 AS most
    FROM letters AS l
    JOIN scope_episodes AS e
        ON l.campaign = e.campaign AND l.ip = e.ip AND l.port = e.port AND l.kind = e.kind
        AND l.drawn_at >= e.opened_at
        AND l.drawn_at < coalesce(e.fixed_at, e.lost_at, l.drawn_at + to_days(1))
    WHERE l.experiment <> ''
    QUALIFY row_number() OVER (
        PARTITION BY e.campaign, e.ip, e.port, e.kind, e.number ORDER BY l.drawn_at, l."case"
    ) = 1
),
lives AS (
    SELECT
        campaign,
        "case",
        count(*) AS exposures,
        bool_and(is_fixed) AS is_fixed,
        floor(greatest(0, max(least))) AS least,
        CASE WHEN bool_and(is_fixed) THEN floor(max(most)) END AS most
    FROM exposures
    GROUP BY campaign, "case"
)
SELECT d.*, coalesce(l.exposures, 0) AS exposures, l.is_fixed, l.least, l.most
FROM drawn AS d
LEFT JOIN lives AS l ON d.campaign = l.campaign AND d."case" = l."case";
