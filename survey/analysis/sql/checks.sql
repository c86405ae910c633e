-- What each look at a target of one slice said: the scan's, and each round's of follow-ups.
-- Grain: one per (campaign, run, round, ip, port, kind); sorted by ip, port, kind, round.
-- Reads: judged, rules, findings, probe_bits, planned.  Used by: findings.py.  Bound: $campaign, $run.
-- A look that asked only a part (the form that went through before, the forms that were put off)
-- can prove a server open and never that it is closed.
WITH
looks AS (
    SELECT j.ip, j.port, j.probe, unnest(j.looks) AS look
    FROM judged AS j
    SEMI JOIN findings AS f ON j.ip = f.ip AND j.port = f.port  -- less who has opted out
),
asked AS (
    SELECT
        ip,
        port,
        probe,
        look.round AS round,
        min(look.rank) AS rank,
        max(look.started_at) AS "at",
        bool_or(look.reason IN ('greylisted', 'next_envelope', 'second_opinion')) AS in_part
    FROM looks
    GROUP BY ALL
),
said AS (
    SELECT
        a.*,
        r.rung,
        CASE WHEN a.probe = 'smtp_relay' THEN 'relay' ELSE 'proxy' END AS kind,
        p.bit,
        r.verdict = 'open' AS is_open,
        r.verdict = 'closed' AND NOT a.in_part AS is_closed
    FROM asked AS a
    JOIN rules AS r USING (rank)
    JOIN probe_bits AS p USING (probe)
),
together AS (
    SELECT
        round,
        ip,
        port,
        kind,
        max("at") AS "at",
        CASE
            WHEN bool_or(is_open) THEN 'open'
            WHEN bool_and(is_closed) THEN 'closed'
            ELSE 'unknown'
        END AS state,
        max(rung) AS rung,
        coalesce(bit_or(bit) FILTER (WHERE is_open), 0) AS open_probes,
        coalesce(bit_or(bit) FILTER (WHERE is_closed), 0) AS closed_probes
    FROM said
    GROUP BY round, ip, port, kind
)
SELECT
    $campaign AS campaign,
    $run AS run,
    t.round,
    t.ip,
    t.port,
    t.kind,
    t."at",
    t.state,
    t.rung,
    t.open_probes,
    CASE  -- a scan leaves out only what the answers so far have made pointless
        WHEN t.round = 0 AND t.state = 'closed'
            THEN t.closed_probes | coalesce(p.probes, 0::USMALLINT)
        ELSE t.closed_probes
    END AS closed_probes
FROM together AS t
LEFT JOIN planned AS p ON t.port = p.port AND t.kind = p.kind
ORDER BY t.ip, t.port, t.kind, t.round;
