-- Which public listings name each finding's server, each address also as text.
-- Grain: one per (campaign, run, ip, port, probe, listing).  Reads: listed.  Used by: notebook.py.
-- Bound: $campaign, $run (NULL for all).
SELECT ip_text(ip) AS address, *
FROM listed
WHERE ($campaign IS NULL OR campaign = $campaign) AND ($run IS NULL OR run = $run)
ORDER BY campaign, run, ip, port, probe, listing;
