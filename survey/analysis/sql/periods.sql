-- Which run stands for each run, ISO week and month of a campaign, and for the one before.
-- Grain: one per (campaign, every, period).  Reads: runs, receipts.  Used by: exposure.py, changed.sql.
-- A period's figures are those at its end: its last judged run counts, a complete one before one
-- that is not.  Runs are dated by their first shard, UTC.
CREATE OR REPLACE TEMP VIEW periods AS
WITH
dated AS (
    SELECT r.campaign, r.run, r.complete, coalesce(min(p.started_at), r.created_at) AS began
    FROM runs AS r
    LEFT JOIN receipts AS p ON p.plan_hash = r.plan_hash AND p.run = r.run
    WHERE r.judged
    GROUP BY r.campaign, r.run, r.complete, r.created_at
),
named AS (
    SELECT *, 'run' AS every, run AS period FROM dated
    UNION ALL
    SELECT *, 'week', strftime(began, '%G-W%V') FROM dated
    UNION ALL
    SELECT *, 'month', strftime(began, '%Y-%m') FROM dated
),
chosen AS (
    SELECT
        campaign,
        every,
        period,
        arg_max(run, (complete, began, run)) AS run,
        count(*) AS runs,
        arg_max(began, (complete, began, run)) AS began,
        bool_or(complete) AS complete
    FROM named
    GROUP BY campaign, every, period
)
SELECT
    campaign,
    every,
    period,
    run,
    began,
    complete,
    runs,
    lag(period) OVER before AS previous_period,
    lag(run) OVER before AS previous_run
FROM chosen
WINDOW before AS (PARTITION BY campaign, every ORDER BY began, run);
