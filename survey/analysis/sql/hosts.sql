-- The findings of each address in one slice taken together.
-- Grain: one per (campaign, run, ip); sorted by ip.  Reads: findings.  Used by: findings.py.
-- Over several findings: open, then suspected, then unknown; closed only if all of them are.
WITH weighed AS (
    SELECT
        *,
        CASE verdict WHEN 'open' THEN 1 WHEN 'suspected' THEN 2 WHEN 'unknown' THEN 3 ELSE 4 END
            AS weight
    FROM findings
)
SELECT
    any_value(campaign) AS campaign,
    any_value(run) AS run,
    ip,
    max(rung) AS rung,
    arg_min(verdict, weight) AS verdict,
    arg_min(verdict, weight) FILTER (WHERE probe = 'smtp_relay') AS relay,
    arg_min(verdict, weight) FILTER (WHERE probe <> 'smtp_relay') AS proxy,
    any_value(country) AS country,
    any_value(asn) AS asn,
    any_value(network) AS network,
    any_value(country_snapshot) AS country_snapshot,
    any_value(network_snapshot) AS network_snapshot
FROM weighed
GROUP BY ip
ORDER BY ip;
