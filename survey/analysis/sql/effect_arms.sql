-- How many cases each side has, what became of their letters, and how many are closed.
-- Grain: one per (compared, arm); sorted.  Reads: effect_sides.  Used by: effect.py.
SELECT
    compared,
    arm,
    count(*) AS drawn,
    count(*) FILTER (WHERE sent) AS sent,
    count(*) FILTER (WHERE delivered) AS delivered,
    count(*) FILTER (WHERE bounced) AS bounced,
    count(*) FILTER (WHERE exposures > 0) AS cases,
    sum(exposures)::BIGINT AS exposures,
    count(*) FILTER (WHERE is_fixed) AS closed
FROM effect_sides
GROUP BY compared, arm
ORDER BY
    list_position(['letter', 'language', 'medium', 'wording'], compared),
    bool_or(arm = against),
    arm;
