-- What one run did, from its receipts.  Counts are targets (address, port).
-- Grain: one row.  Reads: runs, receipts.  Used by: notebook.py.  Bound: $campaign, $run.
-- rechecked were dialled a second time, reopened of them accepted then, and missed of those had not
-- accepted at first: miss_rate is the share of open ports that one look misses, with its 95 % interval.
-- planned = sent + excluded + opted_out, and sent = accepted + refused + silent + unreachable.
SELECT
    r.campaign,
    r.run,
    any_value(r.shards) AS shards,
    count(p.shard) AS committed,
    any_value(r.targets) AS targets,
    coalesce(sum(p.planned), 0)::BIGINT AS planned,
    coalesce(sum(p.sent), 0)::BIGINT AS sent,
    coalesce(sum(p.excluded), 0)::BIGINT AS excluded,
    coalesce(sum(p.opted_out), 0)::BIGINT AS opted_out,
    coalesce(sum(p."open"), 0)::BIGINT AS accepted,
    coalesce(sum(p.refused), 0)::BIGINT AS refused,
    coalesce(sum(p.silent), 0)::BIGINT AS silent,
    coalesce(sum(p.unreachable), 0)::BIGINT AS unreachable,
    coalesce(sum(p.rechecked), 0)::BIGINT AS rechecked,
    coalesce(sum(p.reopened), 0)::BIGINT AS reopened,
    coalesce(sum(p.missed), 0)::BIGINT AS missed,
    sum(p.missed) / nullif(sum(p.reopened), 0) AS miss_rate,
    wilson_low(sum(p.missed), sum(p.reopened)) AS miss_low,
    wilson_high(sum(p.missed), sum(p.reopened)) AS miss_high,
    min(p.started_at) AS started_at,
    max(p.finished_at) AS finished_at
FROM runs AS r
LEFT JOIN receipts AS p ON p.plan_hash = r.plan_hash AND p.run = r.run
WHERE r.campaign = $campaign AND r.run = $run
GROUP BY r.campaign, r.run;
