-- What each host showed in a run, once for each kind of weakness that it was tested for.
-- Grain: one per (kind, campaign, run, ip).  Reads: scoped_hosts.  Used by: exposure_by_*.sql.
CREATE TEMP VIEW seen_hosts AS
SELECT
    'any' AS kind, campaign, run, ip, verdict, rung,
    country, registry_country, asn, holder, organisation, country_conflict
FROM scoped_hosts
UNION ALL
SELECT
    'relay', campaign, run, ip, relay, relay_rung,
    country, registry_country, asn, holder, organisation, country_conflict
FROM scoped_hosts
WHERE relay IS NOT NULL
UNION ALL
SELECT
    'proxy', campaign, run, ip, proxy, proxy_rung,
    country, registry_country, asn, holder, organisation, country_conflict
FROM scoped_hosts
WHERE proxy IS NOT NULL;
