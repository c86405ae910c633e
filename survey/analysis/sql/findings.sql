-- The findings of one slice, each with what answered, and the country and network of its address.
-- Grain: one per (campaign, run, ip, port, probe); a table has no order.
-- Reads: judged, rules, flags, identified, located, optout_ranges.  Used by: findings.py.
-- Bound: $campaign, $run.
CREATE OR REPLACE TEMP TABLE findings AS
SELECT
    $campaign AS campaign,
    $run AS run,
    j.ip,
    j.port,
    j.probe,
    r.verdict,
    r.rung,
    r.rule,
    j.deciding.exit_ip AS exit_ip,
    j.deciding.adds_identity AS adds_identity,
    list_filter(  -- qmail takes mail for nobody, too
        coalesce(f.flags, []),
        lambda flag: flag <> 'honeypot_suspect' OR i.software IS DISTINCT FROM 'qmail'
    ) AS flags,
    j.first_seen,
    j.last_seen,
    j.proven_at,
    j.proven_by,
    j.deciding.variant AS variant,
    j.deciding.code AS code,
    j.deciding.reply AS reply,
    own_words(j.probe, j.deciding.received, j.deciding.reply) AS banner,
    i.software,
    i.version AS software_version,
    i.named AS software_named,
    i.sign AS software_sign,
    i.host,
    l.country,
    l.asn,
    l.network,
    l.registry_country,
    l.holder,
    l.organisation,
    l.country_conflict,
    l.country_snapshot,
    l.network_snapshot,
    l.registration_snapshot,
    l.organisation_snapshot
FROM judged AS j
JOIN rules AS r USING (rank)
LEFT JOIN flags AS f ON j.ip = f.ip AND j.port = f.port AND j.probe = f.probe
LEFT JOIN identified AS i ON j.ip = i.ip AND j.port = i.port
JOIN located AS l ON j.ip = l.ip AND j.last_seen::DATE = l.day
ASOF LEFT JOIN optout_ranges AS o ON j.ip >= o.range_start
WHERE o.range_end IS NULL OR j.ip > o.range_end;  -- who opted out is in no output
