-- The rows of the table of episodes: each life with its state as of now, and where it moved.
-- Grain: one per episode; sorted by it.  Reads: lives, moves.  Used by: episodes.py.
-- Bound: $campaign, $last_run, $as_of.
SELECT
    $campaign AS campaign,
    l.ip,
    l.port,
    l.kind,
    l.number,
    CASE
        WHEN l.fixed_at IS NOT NULL THEN 'fixed'
        WHEN l.lost_at IS NOT NULL THEN 'lost'
        WHEN l.opened_run = $last_run THEN l.opened_as
        ELSE 'persistent'
    END AS state,
    l.* EXCLUDE (ip, port, kind, number, opened_by, banner, greeting, exit_text),
    gone.later_ip AS moved_to,
    came.ip AS moved_from,
    coalesce(gone.how, came.how) AS moved_by,
    $as_of AS as_of
FROM lives AS l
LEFT JOIN moves AS gone
    ON l.ip = gone.ip AND l.port = gone.port AND l.kind = gone.kind AND l.number = gone.number
LEFT JOIN moves AS came
    ON l.ip = came.later_ip AND l.port = came.port AND l.kind = came.kind
    AND l.number = came.later_number
ORDER BY l.ip, l.port, l.kind, l.number;
