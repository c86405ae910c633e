-- The findings of each address in one slice taken together.
-- Grain: one per (campaign, run, ip); sorted by ip.  Reads: findings.  Used by: findings.py.
-- Over several findings: open, then suspected, then unknown; closed only if all of them are.
-- Of findings from several days, the last one says where the address was.
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
    max(rung) FILTER (WHERE probe = 'smtp_relay') AS relay_rung,
    max(rung) FILTER (WHERE probe <> 'smtp_relay') AS proxy_rung,
    unnest(arg_max(struct_pack(
        country, asn, network, registry_country, holder, organisation, country_conflict,
        country_snapshot, network_snapshot, registration_snapshot, organisation_snapshot
    ), last_seen))
FROM weighed
GROUP BY ip
ORDER BY ip;
