-- How exposed each network is, inside one jurisdiction.  Servers are distinct addresses.
-- Grain: one per network, the most open first; NULL is what no registry range holds.
-- Reads: own_hosts, own_addresses (asn, network, addresses: what was tested of the jurisdiction).
-- Used by: jurisdiction.py.
WITH counted AS (
    SELECT
        asn,
        min(network) AS network,
        count(*) FILTER (WHERE verdict = 'open') AS open,
        count(*) FILTER (WHERE relay = 'open') AS relays,
        count(*) FILTER (WHERE proxy = 'open') AS proxies,
        count(*) FILTER (WHERE verdict = 'suspected') AS suspected,
        count(*) FILTER (WHERE rung >= 1) AS answering
    FROM own_hosts
    GROUP BY asn
)
SELECT
    a.asn,
    coalesce(c.network, a.network, '') AS name,
    coalesce(c.open, 0) AS open,
    coalesce(c.relays, 0) AS relays,
    coalesce(c.proxies, 0) AS proxies,
    coalesce(c.suspected, 0) AS suspected,
    coalesce(c.answering, 0) AS answering,
    a.addresses AS tested
FROM own_addresses AS a
LEFT JOIN counted AS c ON c.asn IS NOT DISTINCT FROM a.asn
ORDER BY open DESC, suspected DESC, answering DESC, a.asn NULLS LAST;
