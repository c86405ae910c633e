-- What became of the open servers in each period: those at its start, what came, what went.
-- Grain: one per (period, part); a period is after `since`, up to and including `until`.
-- Reads: parts(), spans (period, since, until).  Used by: balance.py.
-- Bound: $what, $known (date ends when they were known, not when they were).
-- open_at_end is counted by itself and not from the others, so that the balance can be checked.
WITH
dated AS (
    SELECT
        part,
        network,
        opened_as,
        opened_at,
        fixed_at IS NOT NULL AS is_fixed,
        coalesce(CASE WHEN $known THEN confirmed_at ELSE fixed_at END, lost_at) AS ended_at
    FROM parts($what)
)
SELECT
    s.period,
    s.since,
    s.until,
    d.part,
    any_value(d.network) FILTER (WHERE $what = 'network') AS network,
    count(*) FILTER (
        WHERE d.opened_at <= s.since AND (d.ended_at IS NULL OR d.ended_at > s.since)
    ) AS open_at_start,
    count(*) FILTER (
        WHERE d.opened_at > s.since AND d.opened_at <= s.until AND d.opened_as = 'new'
    ) AS new,
    count(*) FILTER (
        WHERE d.opened_at > s.since AND d.opened_at <= s.until AND d.opened_as = 'regressed'
    ) AS regressed,
    count(*) FILTER (
        WHERE d.ended_at > s.since AND d.ended_at <= s.until AND d.is_fixed
    ) AS fixed,
    count(*) FILTER (
        WHERE d.ended_at > s.since AND d.ended_at <= s.until AND NOT d.is_fixed
    ) AS lost,
    count(*) FILTER (
        WHERE d.opened_at <= s.since AND (d.ended_at IS NULL OR d.ended_at > s.until)
    ) AS persistent,
    count(*) FILTER (
        WHERE d.opened_at <= s.until AND (d.ended_at IS NULL OR d.ended_at > s.until)
    ) AS open_at_end
FROM spans AS s
CROSS JOIN dated AS d
GROUP BY s.period, s.since, s.until, d.part
ORDER BY s.until, open_at_end DESC, d.part NULLS LAST;
