-- The findings of one slice, each with what answered, and the country and network of its address.
-- Grain: one per (campaign, run, ip, port, probe); sorted by it.
-- Reads: judged, rules, identified, country_ranges, network_ranges, optout_ranges.  Used by: findings.py.
-- Bound: $campaign, $run, $country_snapshot, $network_snapshot.
-- An ASOF join finds the last range that starts at or before an address; the address lies in it only
-- if it ends at or behind the address, else it lies in a gap and has no country.
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
    j.first_seen,
    j.last_seen,
    j.deciding.variant AS variant,
    j.deciding.code AS code,
    j.deciding.reply AS reply,
    j.deciding.received AS banner,
    i.software,
    i.version AS software_version,
    i.named AS software_named,
    i.sign AS software_sign,
    i.host,
    CASE WHEN j.ip <= c.range_end THEN c.country END AS country,
    CASE WHEN j.ip <= n.range_end THEN n.asn END AS asn,
    CASE WHEN j.ip <= n.range_end THEN n.network END AS network,
    $country_snapshot AS country_snapshot,
    $network_snapshot AS network_snapshot
FROM judged AS j
JOIN rules AS r USING (rank)
LEFT JOIN identified AS i ON j.ip = i.ip AND j.port = i.port
ASOF LEFT JOIN country_ranges AS c ON j.ip >= c.range_start
ASOF LEFT JOIN network_ranges AS n ON j.ip >= n.range_start
ASOF LEFT JOIN optout_ranges AS o ON j.ip >= o.range_start
WHERE o.range_end IS NULL OR j.ip > o.range_end  -- who opted out is in no output
ORDER BY j.ip, j.port, j.probe;
