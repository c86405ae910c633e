-- Where to cut the address space so that every slice has about $rows observations.
-- Grain: one per slice.  Reads: observations.  Used by: findings.py.
WITH blocks AS (
    SELECT ip >> 8 AS block, count(*) AS held FROM observations GROUP BY block
),
running AS (
    SELECT block, sum(held) OVER (ORDER BY block) - held AS before FROM blocks
)
SELECT min(block) << 8 AS first
FROM running
GROUP BY before // $rows
ORDER BY first;
