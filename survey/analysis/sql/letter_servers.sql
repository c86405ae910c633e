-- Open findings that a letter could tell of, the best proven first.
-- Grain: one per (ip, port, probe).  Reads: findings, foreign_ranges (all opt-outs of now).
-- Used by: open_servers.py.  Bound: $least; $ip, $port, $probe each NULL for any; $limit.
SELECT
    f.ip,
    f.port,
    f.probe,
    f.rung,
    f.rule,
    f.exit_ip,
    f.first_seen,
    f.last_seen,
    coalesce(f.country, '') AS country,
    f.asn,
    coalesce(f.network, '') AS network,
    f.banner,
    f.reply,
    coalesce(f.software, '') AS software,
    coalesce(f.software_version, '') AS software_version,
    coalesce(f.software_named, FALSE) AS software_named,
    f.proven_at,
    coalesce(f.host, '') AS host
FROM findings AS f
ASOF LEFT JOIN foreign_ranges AS x ON f.ip >= x.range_start
WHERE
    f.verdict = 'open'
    AND f.rung >= $least
    AND ($ip::UINTEGER IS NULL OR f.ip = $ip)
    AND ($port::USMALLINT IS NULL OR f.port = $port)
    AND ($probe::VARCHAR IS NULL OR f.probe = $probe)
    AND NOT coalesce(f.ip <= x.range_end, FALSE)
ORDER BY f.rung DESC, f.probe <> 'smtp_relay', f.ip, f.port, f.probe
LIMIT $limit;
