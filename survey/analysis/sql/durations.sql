-- How long each episode lasted, as far as that is known.
-- Grain: one per (episode, part).  Reads: parts(), starts (when a clock starts for some of them).
-- Used by: closure.sql, closed_shares.sql.  Bound: $what, $timed (only what is in starts counts).
-- An episode that was fixed ended after its last proof (`least` days) and not after its first
-- negative check (`most`).  Any other is followed until its last proof and may still be open: what
-- was lost, what a single negative check waits to be confirmed, what is open.
CREATE OR REPLACE TEMP TABLE durations AS
WITH
clocked AS (
    SELECT
        CASE WHEN $what = 'label' THEN s.label ELSE p.part END AS part,
        p.network,
        p.last_open_at,
        p.fixed_at,
        CASE WHEN $timed THEN s.started_at ELSE p.opened_at END AS started_at
    FROM parts($what) AS p
    LEFT JOIN starts AS s
        ON p.campaign = s.campaign AND p.ip = s.ip AND p.port = s.port AND p.kind = s.kind
        AND s.started_at >= p.opened_at
        AND s.started_at < coalesce(p.fixed_at, p.lost_at, s.started_at + to_days(1))
    WHERE NOT $timed OR s.started_at IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY p.campaign, p.ip, p.port, p.kind, p.number, p.part ORDER BY s.started_at
    ) = 1
)
SELECT
    part,
    network,
    fixed_at IS NOT NULL AS is_fixed,
    greatest(0, epoch(last_open_at - started_at) / 86400) AS least,
    CASE WHEN fixed_at IS NOT NULL THEN epoch(fixed_at - started_at) / 86400 END AS most
FROM clocked;
