-- Servers that seem to have moved: an episode ends here, and the same server opens there.
-- Grain: one per pair of episodes, both named.  Reads: lives (episodes with what marks a server).
-- Used by: episodes.py.  Bound: $move_days.
-- Conservative, and a suggestion: a mark that two addresses ever used at the same time is nobody's,
-- kind, port, program and network must be the same, and the first must have ended.
CREATE OR REPLACE TEMP TABLE moves AS
WITH
marked AS (
    SELECT *, 'host' AS how, 1 AS sureness, host AS mark FROM lives WHERE host IS NOT NULL
    UNION ALL
    SELECT *, 'greeting', 2, greeting FROM lives WHERE greeting <> ''
    UNION ALL
    SELECT *, 'exit', 3, exit_text FROM lives WHERE exit_text <> ip_text(ip)
),
followed AS (
    SELECT
        *,
        lead(struct_pack(ip, number, opened_at, software, asn)) OVER one AS later,
        max(last_open_at) OVER before >= opened_at AS shared
    FROM marked
    WINDOW
        one AS (PARTITION BY how, mark, kind, port ORDER BY opened_at, ip),
        before AS (
            PARTITION BY how, mark, kind, port ORDER BY opened_at, ip
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),
own AS (
    SELECT how, mark, kind, port
    FROM followed
    GROUP BY how, mark, kind, port
    HAVING NOT coalesce(bool_or(shared), FALSE)
)
SELECT
    f.ip,
    f.port,
    f.kind,
    f.number,
    f.later.ip AS later_ip,
    f.later.number AS later_number,
    f.how
FROM followed AS f
SEMI JOIN own AS o ON f.how = o.how AND f.mark = o.mark AND f.kind = o.kind AND f.port = o.port
WHERE
    f.later.ip <> f.ip
    AND (f.fixed_at IS NOT NULL OR f.lost_at IS NOT NULL)
    AND f.later.opened_at <= f.last_open_at + to_days($move_days::INTEGER)
    AND f.later.software IS NOT DISTINCT FROM f.software
    AND f.later.asn IS NOT DISTINCT FROM f.asn
QUALIFY
    row_number() OVER (PARTITION BY f.ip, f.port, f.kind, f.number ORDER BY f.sureness) = 1
    AND row_number() OVER (
        PARTITION BY f.later.ip, f.port, f.kind, f.later.number ORDER BY f.sureness, f.ip
    ) = 1;
