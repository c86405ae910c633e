-- How exposed each network is, inside one jurisdiction.  Servers are distinct addresses.
-- Grain: one per network, the most open first; NULL is what no registry range holds.
-- Reads: own_hosts, own_addresses (tested ranges of the jurisdiction), network_ranges.
-- Used by: jurisdiction.py.  Bound: $tested, the size of own_addresses.
WITH
counted AS (
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
),
held AS (
    SELECT
        n.asn,
        min(n.network) AS network,
        sum(
            least(n.range_end, a.range_end)::BIGINT
            - greatest(n.range_start, a.range_start)::BIGINT + 1
        )::BIGINT AS addresses
    FROM own_addresses AS a
    JOIN network_ranges AS n ON n.range_start <= a.range_end AND n.range_end >= a.range_start
    GROUP BY n.asn
),
tested AS (
    FROM held
    UNION ALL
    SELECT NULL, NULL, $tested::BIGINT - coalesce(sum(addresses), 0)::BIGINT FROM held
)
SELECT
    coalesce(c.asn, t.asn) AS asn,
    coalesce(c.network, t.network, '') AS name,
    coalesce(c.open, 0) AS open,
    coalesce(c.relays, 0) AS relays,
    coalesce(c.proxies, 0) AS proxies,
    coalesce(c.suspected, 0) AS suspected,
    coalesce(c.answering, 0) AS answering,
    coalesce(t.addresses, 0) AS tested
FROM counted AS c
FULL JOIN tested AS t ON c.asn IS NOT DISTINCT FROM t.asn
WHERE c.asn IS NOT NULL OR c.answering IS NOT NULL OR t.addresses > 0
ORDER BY open DESC, suspected DESC, answering DESC, asn NULLS LAST;
