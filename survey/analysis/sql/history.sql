-- What every run found on one address, oldest first.
-- Grain: one per (campaign, run, port, probe).  Reads: findings.  Used by: notebook.py.
-- Bound: $ip (a number).
SELECT
    campaign,
    run,
    port,
    probe,
    verdict,
    rung,
    rule,
    first_seen,
    last_seen,
    proven_at,
    software,
    software_version,
    country,
    asn,
    network,
    flags
FROM findings
WHERE ip = $ip
ORDER BY last_seen, campaign, run, port, probe;
