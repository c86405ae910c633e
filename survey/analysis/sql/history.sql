-- What every run found on one address, oldest first.
-- Grain: one per (campaign, run, port, probe).  Reads: findings.  Used by: notebook.py.
-- Bound: $ip (a number).
SELECT
    campaign,
    run,
    last_seen,
    port,
    probe,
    verdict,
    rung,
    rule,
    software,
    country,
    asn
FROM findings
WHERE ip = $ip
ORDER BY last_seen, campaign, run, port, probe;
