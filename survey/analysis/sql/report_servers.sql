-- Open findings with where they lie, for an agency's list.
-- Grain: one per (ip, port, probe); sorted by it.  Reads: own_findings.  Used by: jurisdiction.py.
SELECT
    ip,
    port,
    probe,
    rung,
    rule,
    exit_ip,
    first_seen,
    last_seen,
    coalesce(country, '') AS country,
    asn,
    coalesce(network, '') AS network,
    banner,
    reply,
    coalesce(software, '') AS software,
    coalesce(software_version, '') AS software_version,
    coalesce(software_named, FALSE) AS software_named,
    proven_at,
    coalesce(host, '') AS host
FROM own_findings
WHERE verdict = 'open'
ORDER BY ip, port, probe;
