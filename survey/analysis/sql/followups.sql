-- Which targets of one slice should be tested again, what for, and what was tried until now.
-- Grain: one per (ip, port, probe); sorted by it.  Reads: judged, rules, findings, observations.
-- Used by: followups.py.  Bound: $first, $last (addresses).
WITH
asked AS (
    SELECT
        j.ip,
        j.port,
        j.probe,
        j.deciding,
        CASE
            WHEN r.rule = 'relay.greylisted' THEN 'greylisted'
            -- deep checks of a postscreen, or a policy that does not say what it is
            WHEN
                r.rule = 'relay.later'
                AND j.deciding.code IN (450, 451)
                AND j.deciding.refused_at IN ('MAIL', 'RCPT', 'DATA', 'MESSAGE')
                THEN 'greylisted'
            WHEN r.rule = 'relay.message_taken' THEN 'next_envelope'
            WHEN r.verdict = 'open' AND r.rung < 7 THEN 'second_opinion'
        END AS reason
    FROM judged AS j
    JOIN rules AS r USING (rank)
    SEMI JOIN findings AS f ON j.ip = f.ip AND j.port = f.port AND j.probe = f.probe
    WHERE reason IS NOT NULL
),
tried AS (
    SELECT
        o.ip,
        o.port,
        o.probe,
        max(o.started_at) AS last_at,
        list(DISTINCT o.variant) AS variants,
        list(DISTINCT o.variant) FILTER (
            WHERE o.attempt = a.deciding.attempt AND o.code = a.deciding.code
        ) AS alike
    FROM observations AS o
    JOIN asked AS a USING (ip, port, probe)
    WHERE o.ip BETWEEN $first AND $last AND o.variant NOT LIKE 'C%'
    GROUP BY o.ip, o.port, o.probe
)
SELECT
    a.ip,
    a.port,
    a.probe,
    a.reason,
    a.deciding.variant AS variant,
    a.deciding.attempt AS attempt,
    a.deciding.source AS source,
    a.deciding.tls AS tls,
    coalesce(a.deciding.refused_at, '') AS refused_at,
    t.last_at,
    t.variants,
    coalesce(t.alike, []) AS alike
FROM asked AS a
JOIN tried AS t USING (ip, port, probe)
ORDER BY a.ip, a.port, a.probe;
