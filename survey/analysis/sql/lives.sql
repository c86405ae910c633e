-- Episodes with what was found at their opening: program, place, and what marks the server.
-- Grain: one per episode.  Reads: walked, findings (of all runs), probe_bits.
-- Used by: episodes.py.  Of several proven probes of one port, the surest finding speaks.
CREATE OR REPLACE TEMP TABLE lives AS
WITH
proven AS (
    SELECT
        run,
        ip,
        port,
        CASE WHEN probe = 'smtp_relay' THEN 'relay' ELSE 'proxy' END AS kind,
        arg_max(
            struct_pack(
                software, host, exit_ip, banner, country, asn, network, registry_country, holder,
                organisation, country_snapshot, network_snapshot, registration_snapshot,
                organisation_snapshot
            ), struct_pack(rung, probe)
        ) AS found
    FROM findings
    WHERE verdict = 'open'
    GROUP BY ALL
)
SELECT
    w.*,
    (
        SELECT list(b.probe ORDER BY b.bit)
        FROM probe_bits AS b
        WHERE (w.opened_by & b.bit) <> 0
    ) AS probes,
    unnest(p.found),
    -- the name with which a mail server greets; a bare word is no name of one host
    CASE
        WHEN w.kind = 'relay' THEN coalesce(regexp_extract(
            printable(p.found.banner),
            '^220[- ]([a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.[a-z]{2,})(?:[^a-z0-9.-]|$)', 1
        ), '')
        ELSE ''
    END AS greeting,
    coalesce(peer_text(p.found.exit_ip), ip_text(w.ip)) AS exit_text
FROM walked AS w
LEFT JOIN proven AS p
    ON w.opened_run = p.run AND w.ip = p.ip AND w.port = p.port AND w.kind = p.kind;
