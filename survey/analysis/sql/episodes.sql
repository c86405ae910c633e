-- The exposures of one campaign across its runs: where each begins, and whether and how it ends.
-- Grain: one per continuous exposure of (ip, port, kind); `number` counts those of a key.
-- Reads: checks, runs (run, number, ended_at: NULL while it is not done).  Used by: episodes.py.
-- Bound: $lost_runs, $lost_days, $regression_days.
-- A walk along the checks of a key in the order of time, which never looks ahead: what it said of a
-- moment stays true whatever comes later.  Only checks that show something are steps: proven open,
-- or every probe that was ever proven there refused.  Unknown checks and gaps are no steps.
CREATE OR REPLACE TEMP TABLE walked AS
WITH
done AS (
    SELECT
        row_number() OVER (ORDER BY number) AS place,
        max(ended_at) OVER (ORDER BY number) AS ended_at,
        number
    FROM runs
    WHERE ended_at IS NOT NULL
),
places AS (  -- done runs up to each run
    SELECT r.run, r.number, count(d.place) AS place
    FROM runs AS r
    LEFT JOIN done AS d ON d.number <= r.number
    GROUP BY r.run, r.number
),
ever AS (
    SELECT DISTINCT ip, port, kind FROM checks WHERE state = 'open'
),
looks AS (
    SELECT
        c.*,
        p.number,
        p.place,
        coalesce(bit_or(c.open_probes) OVER (
            PARTITION BY c.ip, c.port, c.kind ORDER BY c."at", p.number, c.round
        ), 0) AS proven
    FROM checks AS c
    SEMI JOIN ever AS e ON c.ip = e.ip AND c.port = e.port AND c.kind = e.kind
    JOIN places AS p ON c.run = p.run
),
steps AS (
    SELECT
        l.*,
        l.state = 'open' AS is_open,
        greatest(  -- the run by whose end it is lost if nothing more is heard
            greatest(l.place, coalesce(a.place, 0)) + $lost_runs, coalesce(b.place, 0) + 1
        ) AS lost_place
    FROM looks AS l
    ASOF LEFT JOIN done AS a ON l."at" >= a.ended_at
    ASOF LEFT JOIN done AS b ON l."at" + to_days($lost_days::INTEGER) > b.ended_at
    WHERE l.state = 'open' OR (l.state = 'closed' AND (l.closed_probes & l.proven) = l.proven)
),
followed AS (
    SELECT
        s.ip, s.port, s.kind, s.run, s.number, s.round, s."at", s.rung, s.open_probes, s.is_open,
        d.ended_at AS lost_at,
        coalesce(lag(d.ended_at) OVER key <= s."at", FALSE) AS broken,
        coalesce(lag(s.is_open) OVER key, FALSE) AS after_open
    FROM steps AS s
    LEFT JOIN done AS d ON s.lost_place = d.place
    WINDOW key AS (PARTITION BY s.ip, s.port, s.kind ORDER BY s."at", s.number, s.round)
),
stretched AS (  -- negative checks in a row have one number
    SELECT *, count(*) FILTER (WHERE is_open OR after_open OR broken) OVER key AS stretch
    FROM followed
    WINDOW key AS (PARTITION BY ip, port, kind ORDER BY "at", number, round)
),
dated AS (
    SELECT
        *,
        first_value("at") OVER row_of AS stretch_at,
        NOT is_open
            AND "at"::DATE > (first_value("at") OVER row_of)::DATE
            AND (lag("at") OVER row_of)::DATE = (first_value("at") OVER row_of)::DATE AS confirms
    FROM stretched
    WINDOW row_of AS (PARTITION BY ip, port, kind, stretch ORDER BY "at", number, round)
),
parted AS (
    SELECT
        *,
        count(*) FILTER (WHERE broken) OVER key
            + coalesce(count(*) FILTER (WHERE confirms) OVER before, 0) AS part,
        max("at") FILTER (WHERE NOT is_open) OVER before AS closed_before
    FROM dated
    WINDOW
        key AS (PARTITION BY ip, port, kind ORDER BY "at", number, round),
        before AS (
            PARTITION BY ip, port, kind ORDER BY "at", number, round
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),
grouped AS (
    SELECT
        ip,
        port,
        kind,
        arg_min(
            struct_pack(
                "at", run, open_probes, before := closed_before
            ), struct_pack("at", number, round)
        ) FILTER (WHERE is_open) AS opening,
        arg_max(struct_pack("at", run), struct_pack("at", number, round))
            FILTER (WHERE is_open) AS last_open,
        max(stretch_at) FILTER (WHERE confirms) AS fixed_at,
        max("at") FILTER (WHERE confirms) AS confirmed_at,
        arg_max(
            struct_pack(is_open, stretch_at, lost_at), struct_pack("at", number, round)
        ) AS last_step,
        count(*) FILTER (WHERE is_open) AS open_checks,
        max(rung) FILTER (WHERE is_open) AS rung
    FROM parted
    GROUP BY ip, port, kind, part
    HAVING opening IS NOT NULL
),
ended AS (
    SELECT
        *,
        opening."at" AS opened_at,
        CASE WHEN fixed_at IS NULL THEN last_step.lost_at END AS lost_at,
        coalesce(confirmed_at, last_step.lost_at) AS over_at
    FROM grouped
),
named AS (
    SELECT
        *,
        row_number() OVER key AS number,
        lag(fixed_at) OVER key AS fixed_before,
        CASE
            WHEN lag(opened_at) OVER key IS NULL THEN NULL
            WHEN lag(fixed_at) OVER key IS NULL THEN 'lost'
            ELSE 'fixed'
        END AS before
    FROM ended
    WINDOW key AS (PARTITION BY ip, port, kind ORDER BY opened_at)
),
counted AS (  -- every check while it lasted, those that said nothing included
    SELECT
        n.ip,
        n.port,
        n.kind,
        n.number,
        max(l."at") AS checked_at,
        count(*) FILTER (
            WHERE l.state = 'closed' AND (l.closed_probes & l.proven) = l.proven
        ) AS closed_checks,
        count(*) AS every_check,
        count(*) FILTER (WHERE l."at" > n.last_step_at) AS unheard
    FROM looks AS l
    ASOF JOIN (SELECT *, greatest(last_open."at", last_step.stretch_at) AS last_step_at FROM named)
        AS n ON l.ip = n.ip AND l.port = n.port AND l.kind = n.kind AND l."at" >= n.opened_at
    WHERE l."at" <= coalesce(n.over_at, l."at")
    GROUP BY n.ip, n.port, n.kind, n.number
)
SELECT
    n.ip,
    n.port,
    n.kind,
    n.number,
    CASE
        WHEN
            n.fixed_before IS NOT NULL
            AND n.opened_at <= n.fixed_before + to_days($regression_days::INTEGER)
            THEN 'regressed'
        ELSE 'new'
    END AS opened_as,
    n.before,
    n.opening.before AS closed_before,
    n.opened_at,
    n.opening.run AS opened_run,
    n.opening.open_probes AS opened_by,
    n.last_open."at" AS last_open_at,
    n.last_open.run AS last_open_run,
    n.fixed_at,
    n.confirmed_at,
    n.lost_at,
    CASE
        WHEN n.lost_at IS NULL THEN NULL
        WHEN c.unheard > 0 THEN 'silence'
        ELSE 'absence'
    END AS lost_by,
    CASE
        WHEN n.fixed_at IS NULL AND n.lost_at IS NULL AND NOT n.last_step.is_open
            THEN n.last_step.stretch_at
    END AS closing_at,
    c.checked_at,
    n.open_checks,
    c.closed_checks,
    c.every_check - n.open_checks - c.closed_checks AS unknown_checks,
    n.rung
FROM named AS n
JOIN counted AS c USING (ip, port, kind, number);
