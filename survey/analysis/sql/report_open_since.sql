-- Since when each open finding's exposure has been proven open, as far as it was followed.
-- Grain: one per (ip, port, probe) with an episode.  Reads: own_findings, scope_episodes.
-- Used by: jurisdiction.py.
-- The episode is the one that lasted when the finding was last seen.
SELECT f.ip, f.port, f.probe, max(e.opened_at) AS open_since
FROM own_findings AS f
JOIN scope_episodes AS e
    ON f.campaign = e.campaign AND f.ip = e.ip AND f.port = e.port
    AND e.kind = CASE f.probe WHEN 'smtp_relay' THEN 'relay' ELSE 'proxy' END
    AND f.last_seen >= e.opened_at
    AND f.last_seen < coalesce(e.fixed_at, e.lost_at, f.last_seen + to_days(1))
WHERE f.verdict = 'open'
GROUP BY f.ip, f.port, f.probe;
