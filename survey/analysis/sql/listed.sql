-- Which public listings in force today name the server of each finding, and since when.
-- Grain: one per (campaign, run, ip, port, probe, listing).
-- Reads: findings, listings, listing_names.  Used by: views.py.
-- A listing may name the address, a range that holds it, or the host whose name was shown to resolve
-- to it.  Of several entries of one listing the narrowest speaks, as its own server would answer; a
-- name that is taken out of a wider entry is not listed.
CREATE VIEW listed AS
WITH
by_address AS (
    SELECT
        f.campaign,
        f.run,
        f.ip,
        f.port,
        f.probe,
        l.listing,
        l.since,
        l.seen_since,
        l.last_seen,
        l.code,
        l.reason,
        l.snapshot,
        l.range_end::BIGINT - l.range_start AS width
    FROM findings AS f
    JOIN listings AS l ON f.ip >= l.range_start AND f.ip <= l.range_end
),
asked AS (
    SELECT
        campaign,
        run,
        ip,
        port,
        probe,
        labels,
        unnest(range(len(labels))) AS above
    FROM (SELECT *, string_split(host, '.') AS labels FROM findings WHERE host IS NOT NULL)
),
named AS (
    SELECT
        a.* EXCLUDE (labels),
        n.* EXCLUDE (name, below),
        a.above = min(a.above) OVER (
            PARTITION BY a.campaign, a.run, a.ip, a.port, a.probe, n.listing, n.snapshot
        ) AS nearest
    FROM asked AS a
    JOIN listing_names AS n
        ON array_to_string(a.labels[a.above + 1:], '.') = n.name AND (a.above > 0) = n.below
),
by_name AS (
    SELECT * EXCLUDE (nearest)
    FROM named
    WHERE nearest
    QUALIFY NOT bool_or(excluded) OVER (
        PARTITION BY campaign, run, ip, port, probe, listing, snapshot
    )
),
entries AS (
    SELECT * FROM by_address
    UNION ALL BY NAME
    SELECT * EXCLUDE (above, excluded), NULL::TIMESTAMPTZ AS since, above - 256 AS width
    FROM by_name
)
SELECT
    campaign,
    run,
    ip,
    port,
    probe,
    listing,
    unnest(arg_min(
        struct_pack(
            known_since := coalesce(since, seen_since), since, seen_since, last_seen, code, reason,
            snapshot
        ),
        struct_pack(width, known := coalesce(since, seen_since), snapshot)
    ))
FROM entries
GROUP BY campaign, run, ip, port, probe, listing;
