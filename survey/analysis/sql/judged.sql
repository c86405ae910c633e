-- What the rules say of each target in one slice of the address space.
-- Grain: one per (ip, port, probe).  Reads: observations, letters, tunnels, rules.
-- Used by: findings.sql.  Bound: $first, $last (addresses).
CREATE OR REPLACE TEMP TABLE judged AS
WITH
slice AS (
    SELECT * FROM observations WHERE ip BETWEEN $first AND $last
),
latest AS (  -- small: most targets are tried once in a run
    SELECT ip, port, probe, variant, canary_port, tls, max(attempt) AS attempt
    FROM slice
    WHERE attempt > 0
    GROUP BY ALL
),
evidence AS (
    SELECT
        o.*,
        coalesce(l.complete, FALSE) AS letter,
        coalesce(NOT l.complete, FALSE) AS letter_torn,
        t.token IS NOT NULL AS tunnel,
        o.token <> '' AND o.token IN (SELECT token FROM tunnels) AS forwarded,
        coalesce(l.peer, t.peer) AS exit_ip,
        CASE
            WHEN o.refused_at IS NULL THEN ''
            ELSE printable(o.reply)
        END AS words,
        CASE
            WHEN o.probe = 'http_connect' AND o.step = 'accepted' THEN printable(o.received)
            ELSE ''
        END AS head
    FROM slice AS o
    LEFT JOIN letters AS l ON o.token = l.token
    LEFT JOIN tunnels AS t ON o.token = t.token AND o.nonce = t.nonce AND o.nonce <> ''
    WHERE o.variant NOT LIKE 'C%'  -- controls never decide
),
ranked AS (
    SELECT
        e.*,
        CASE
            WHEN probe = 'smtp_relay' THEN relay_rank(
                step, failure, protocol, refused_at, code, words, letter, letter_torn
            )
            ELSE tunnel_rank(
                probe, variant, step, failure, protocol, refused_at, code, head, tunnel, forwarded
            )
        END AS rank
    FROM evidence AS e
),
standing AS (  -- a later attempt replaces an earlier one, but never a proof
    SELECT r.*
    FROM ranked AS r
    LEFT JOIN latest AS n USING (ip, port, probe, variant, canary_port, tls)
    WHERE n.attempt IS NULL OR r.attempt = n.attempt OR r.letter OR r.tunnel
)
SELECT
    ip,
    port,
    probe,
    min(rank) AS rank,
    min(started_at) AS first_seen,
    max(started_at) AS last_seen,
    arg_min(
        struct_pack(variant, code, reply, received, exit_ip),
        struct_pack(rank, variant, canary_port, tls, attempt)
    ) AS deciding
FROM standing
GROUP BY ip, port, probe;
