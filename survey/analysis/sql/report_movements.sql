-- Networks of one jurisdiction with more or fewer open servers than in another run.
-- Grain: one per network that changed, the most improved first.  Reads: own_past, own_hosts.
-- Used by: jurisdiction.py.  Bound: $run, the other run.
WITH
counted AS (
    SELECT asn, network, 1 AS before, 0 AS now FROM own_past WHERE run = $run
    UNION ALL
    SELECT asn, network, 0, 1 FROM own_hosts WHERE verdict = 'open'
)
SELECT
    asn,
    coalesce(min(network), '') AS name,
    sum(before)::BIGINT AS before,
    sum(now)::BIGINT AS now
FROM counted
GROUP BY asn
HAVING sum(before) <> sum(now)
ORDER BY sum(now) - sum(before), before DESC, asn NULLS LAST;
