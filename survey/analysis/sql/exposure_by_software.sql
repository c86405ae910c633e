-- How exposed the servers of each program are in one run.  Hosts are distinct addresses; one with
-- several programs counts in each.
-- Grain: one per program; NULL is what no fingerprint knows.
-- Reads: scope (findings).  Used by: exposure.py.  Bound: $campaign, $run, $kind.
-- Over several findings of a host: open, then suspected, then unknown; closed only if all are.
WITH
seen AS (
    SELECT
        software,
        ip,
        max(rung) AS rung,
        min(CASE verdict WHEN 'open' THEN 1 WHEN 'suspected' THEN 2 WHEN 'unknown' THEN 3 ELSE 4 END)
            AS weight
    FROM scope
    WHERE
        campaign = $campaign
        AND run = $run
        AND ($kind = 'any' OR ($kind = 'relay') = (probe = 'smtp_relay'))
    GROUP BY software, ip
),
counted AS (
    SELECT
        software,
        count(*) FILTER (WHERE weight = 1) AS open,
        count(*) FILTER (WHERE weight = 2) AS suspected,
        count(*) FILTER (WHERE weight = 4) AS closed,
        count(*) FILTER (WHERE weight = 3) AS unknown,
        count(*) FILTER (WHERE rung >= 1) AS answering
    FROM seen
    GROUP BY software
)
SELECT
    *,
    100000.0 * open / nullif(answering, 0) AS per_100k_answering,
    100000.0 * wilson_low(open, answering) AS per_100k_low,
    100000.0 * wilson_high(open, answering) AS per_100k_high
FROM counted
ORDER BY open DESC, suspected DESC, answering DESC, software NULLS LAST;
