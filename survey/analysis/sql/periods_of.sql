-- The periods of a campaign, newest first, each with the run that stands for it and for the one before.
-- Grain: one per period.  Reads: periods.  Used by: exposure.py, notebook.py.  Bound: $campaign, $every.
SELECT period, run, previous_period, previous_run, began, complete
FROM periods
WHERE campaign = $campaign AND every = $every
ORDER BY began DESC, run DESC;
