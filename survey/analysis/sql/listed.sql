-- Which public listings in force today name the server of each finding, and since when.
-- Grain: one per (campaign, run, ip, port, probe, listing).
-- Reads: findings, listings, listing_names.  Used by: views.py.
-- A listing may name the address, a range that holds it, or the host whose name was shown to resolve
-- to it.  Of several entries of one listing the narrowest speaks, as its own server would answer; a
-- name that is taken out of a wider entry is not listed.
CREATE VIEW listed AS
WITH
sized AS (
    SELECT
        *,
        range_end::BIGINT - range_start + 1 AS size,
        bit_count(size) = 1 AND range_start % size = 0 AS is_block
    FROM listings
),
sizes AS (SELECT DISTINCT size FROM sized WHERE is_block),
-- almost all entries are blocks (one address, a /24), and a server's block of each size is found by
-- equality; a join by between would compare every server with every entry
blocks AS MATERIALIZED (
    SELECT f.*, s.size, f.ip::BIGINT - f.ip::BIGINT % s.size AS block
    FROM (SELECT campaign, run, ip, port, probe FROM findings) AS f
    CROSS JOIN sizes AS s
),
by_address AS (
    SELECT b.* EXCLUDE (size, block), l.*
    FROM blocks AS b
    JOIN sized AS l ON l.is_block AND b.size = l.size AND b.block = l.range_start
    UNION ALL
    SELECT f.*, l.*
    FROM (SELECT campaign, run, ip, port, probe FROM findings) AS f
    JOIN sized AS l ON NOT l.is_block AND f.ip >= l.range_start AND f.ip <= l.range_end
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
    SELECT * EXCLUDE (range_start, range_end, size, is_block), size - 1 AS width FROM by_address
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
