-- Each drawn case on the side that it is on in each comparison: told or held out, and among those
-- told at once which language, medium and wording.
-- Grain: one per (case, compared).  Reads: effect_cases.  Used by: effect_*.sql.
-- `against` is what the others are compared with: the wait, or the usual form (the first by name in
-- an experiment that left it out).  An experiment without such arms compares nothing there.
-- `apart`: days from the lot on while one side has had its letter and the other none.
CREATE OR REPLACE TEMP TABLE effect_sides AS
WITH
sides AS (
    SELECT
        *,
        unnest(['letter', 'language', 'medium', 'wording']) AS compared,
        unnest([label, language, medium, wording]) AS arm,
        unnest(['held_out', 'operator', 'text', 'findings_first']) AS usual
    FROM effect_cases
),
paired AS (
    SELECT
        *,
        min(arm) OVER comparison <> max(arm) OVER comparison AS differs,
        coalesce(min(arm) FILTER (WHERE arm = usual) OVER comparison, min(arm) OVER comparison)
            AS against,
        CASE WHEN compared = 'letter' THEN min(waits) OVER comparison END AS apart
    FROM sides
    WHERE compared = 'letter' OR label = 'told'
    WINDOW comparison AS (PARTITION BY stratum, compared)
)
SELECT * EXCLUDE (differs, usual, waits) FROM paired WHERE differs;

-- In the form that closure.sql counts: its curves are of one side in one experiment.
CREATE OR REPLACE TEMP TABLE durations AS
SELECT
    {
        'compared': compared,
        'stratum': stratum,
        'against': against,
        'apart': apart,
        'arm': arm
    } AS part,
    is_fixed,
    least,
    most
FROM effect_sides
WHERE exposures > 0;
