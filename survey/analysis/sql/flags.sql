-- What a reader should know beside the verdicts of one slice (model.flag.Flag).
-- Grain: one per (ip, port, probe) that has a flag.  Reads: observations, letters, tunnels, judged.
-- Used by: findings.py.  Bound: $first, $last (addresses), $late (seconds).
CREATE OR REPLACE TEMP TABLE flags AS
WITH
slice AS (
    SELECT * FROM observations WHERE ip BETWEEN $first AND $last
),
proven AS (
    SELECT
        o.ip, o.port, o.probe, o.variant, o.canary_port, o.tls, o.attempt, o.step,
        o.started_at + to_microseconds((1e6 * o.duration)::BIGINT) AS ended_at,
        coalesce(l.complete, FALSE) AS letter,
        l.arrived_at,
        coalesce(l.complete, FALSE) OR t.token IS NOT NULL AS proof
    FROM slice AS o
    LEFT JOIN letters AS l ON o.token = l.token
    LEFT JOIN tunnels AS t ON o.token = t.token AND o.nonce = t.nonce AND o.nonce <> ''
    WHERE o.variant NOT LIKE 'C%' AND (o.step IN ('sent', 'echoed') OR o.attempt > 0)
),
silent AS (  -- addresses where nothing but TCP answered
    SELECT ip
    FROM slice
    GROUP BY ip
    HAVING count(DISTINCT port) >= 3 AND count(*) FILTER (WHERE step <> 'connected') = 0
),
signs AS (
    SELECT ip, port, probe, 'exit_differs' AS flag
    FROM judged
    WHERE
        deciding.exit_ip IS NOT NULL
        AND hex(deciding.exit_ip) <> '00000000000000000000FFFF' || printf('%08X', ip)
    UNION
    SELECT ip, port, probe, 'delayed'
    FROM proven
    WHERE letter AND arrived_at > ended_at + to_seconds($late)
    UNION
    SELECT ip, port, probe, 'sink_suspect'
    FROM proven
    WHERE probe = 'smtp_relay'
    GROUP BY ip, port, probe
    HAVING bool_or(step = 'sent') AND NOT bool_or(letter)
    UNION
    SELECT ip, port, probe, 'honeypot_suspect'
    FROM slice
    WHERE variant IN ('C1', 'C2') AND step = 'accepted'
    UNION
    SELECT ip, port, probe, 'flaky'
    FROM (
        SELECT ip, port, probe, variant, canary_port, tls, attempt, bool_or(proof) AS proof
        FROM (
            SELECT * FROM proven
            UNION ALL BY NAME
            SELECT DISTINCT
                o.ip, o.port, o.probe, o.variant, o.canary_port, o.tls, o.attempt, FALSE AS proof
            FROM slice AS o
            JOIN proven AS p USING (ip, port, probe, variant, canary_port, tls)
            WHERE p.attempt > 0
        )
        GROUP BY ALL
    )
    GROUP BY ip, port, probe, variant, canary_port, tls
    HAVING bool_or(proof) AND NOT bool_and(proof)
    UNION
    SELECT j.ip, j.port, j.probe, 'tcp_wildcard'
    FROM judged AS j
    JOIN silent AS s USING (ip)
)
SELECT ip, port, probe, list_sort(list(flag)) AS flags
FROM signs
GROUP BY ip, port, probe;
