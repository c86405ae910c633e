-- What the rules say of each target in one slice of the address space.
-- Grain: one per (ip, port, probe).  Reads: observations, letters, tunnels, rules.
-- Used by: findings.sql, checks.sql, followups.sql.  Bound: $first, $last (addresses), $apart (seconds between
-- two proofs at least), $several_sources (the campaign sends from more than one address).
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
used_again AS (  -- a greylist is shown the same triplet: what arrives belongs to the last use
    SELECT token, max(attempt) AS attempt
    FROM slice
    WHERE attempt > 0 AND token <> ''
    GROUP BY token
),
came AS (  -- through a tunnel, whatever came back
    SELECT token, min(peer) AS peer, min(headers) AS headers FROM tunnels GROUP BY token
),
controls AS (  -- C0 refused: few, since even a closed server has a postmaster
    SELECT ip, port, probe, attempt, tls, min(unaddressed(printable(reply))) AS words
    FROM slice
    WHERE variant = 'C0' AND refused_at = 'RCPT'
    GROUP BY ALL
),
evidence AS (
    SELECT
        o.*,
        coalesce(l.complete AND o.attempt >= u.attempt, l.complete, FALSE) AS letter,
        coalesce(NOT l.complete AND o.attempt >= u.attempt, NOT l.complete, FALSE) AS letter_torn,
        t.token IS NOT NULL AS tunnel,
        c.token IS NOT NULL AS forwarded,
        coalesce(l.peer, t.peer, c.peer) AS exit_ip,
        CASE  -- only these bring a head that our canary can see
            WHEN o.probe IN ('http_get', 'http_post')
                THEN header_names(coalesce(t.headers, c.headers))
        END AS adds_identity,
        CASE
            WHEN o.refused_at IS NULL THEN ''
            ELSE unaddressed(printable(o.reply))
        END AS words,
        k.words AS control_words,
        CASE
            WHEN o.probe = 'http_connect' AND o.step = 'accepted' THEN printable(o.received)
            ELSE ''
        END AS head
    FROM slice AS o
    LEFT JOIN letters AS l ON o.token = l.token
    LEFT JOIN used_again AS u ON o.token = u.token
    LEFT JOIN came AS c ON o.token = c.token
    LEFT JOIN controls AS k
        ON o.ip = k.ip AND o.port = k.port AND o.probe = k.probe
        AND o.attempt = k.attempt AND o.tls = k.tls
    LEFT JOIN tunnels AS t ON o.token = t.token AND o.nonce = t.nonce AND o.nonce <> ''
    WHERE o.variant NOT LIKE 'C%'  -- controls never decide
),
proofs AS (  -- few: what is open
    SELECT
        ip, port, probe, variant = 'mail' AS mail, attempt, token, process, source, started_at
    FROM evidence
    WHERE letter OR tunnel
),
newest AS (
    SELECT ip, port, probe, max(attempt) AS attempt FROM latest GROUP BY ip, port, probe
),
reproduced AS (
    SELECT DISTINCT b.ip, b.port, b.probe, b.mail
    FROM proofs AS a
    JOIN proofs AS b USING (ip, port, probe, mail)
    JOIN newest AS n ON b.ip = n.ip AND b.port = n.port AND b.probe = n.probe
    WHERE
        b.attempt = n.attempt  -- a later test that found nothing takes it back
        AND a.attempt < b.attempt
        AND a.token <> b.token
        AND a.process <> b.process
        AND b.started_at >= a.started_at + to_seconds($apart)
        AND (NOT $several_sources OR a.source IS DISTINCT FROM b.source)
),
weighed AS (
    SELECT e.*, r.ip IS NOT NULL AS reproduced
    FROM evidence AS e
    LEFT JOIN reproduced AS r
        ON e.ip = r.ip AND e.port = r.port AND e.probe = r.probe AND (e.variant = 'mail') = r.mail
),
ranked AS (
    SELECT
        w.*,
        CASE
            WHEN probe = 'smtp_relay' THEN relay_rank(
                step, failure, protocol, refused_at, code, words,
                source IS NOT NULL AND contains(words, ip_text(source)),
                -- the forms from V7 on may be read as a mailbox of its own, like the control's
                coalesce(
                    refused_at = 'RCPT'
                    AND words = control_words
                    AND variant IN ('V0', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6'),
                    FALSE
                ),
                letter, letter_torn, reproduced
            )
            ELSE tunnel_rank(
                probe, variant, step, failure, protocol, refused_at, code, head, tunnel, forwarded,
                reproduced
            )
        END AS rank
    FROM weighed AS w
),
standing AS (  -- a later attempt replaces an earlier one, but never a proof
    SELECT r.*, n.attempt IS NULL OR r.attempt = n.attempt OR r.letter OR r.tunnel AS stands
    FROM ranked AS r
    LEFT JOIN latest AS n USING (ip, port, probe, variant, canary_port, tls)
)
SELECT
    ip,
    port,
    probe,
    min(rank) FILTER (WHERE stands) AS rank,
    min(started_at) FILTER (WHERE stands) AS first_seen,
    max(started_at) FILTER (WHERE stands) AS last_seen,
    max(started_at) FILTER (WHERE letter OR tunnel) AS proven_at,
    arg_max(client, attempt) FILTER (WHERE letter OR tunnel) AS proven_by,
    arg_min(
        struct_pack(
            variant, code, reply, received, exit_ip, adds_identity, attempt, source, tls, refused_at
        ),
        struct_pack(rank, variant, canary_port, tls, attempt)
    ) FILTER (WHERE stands) AS deciding,
    list(struct_pack(round, reason, started_at, rank)) AS looks
FROM standing
GROUP BY ip, port, probe;
