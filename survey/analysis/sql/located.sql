-- Where each address of one slice is and whose, by the snapshots of the day it was last seen.
-- Grain: one per (ip, day).
-- Reads: judged, vintages, country_ranges, network_ranges, registration_ranges, organisations.
-- Used by: findings.sql.
-- An ASOF join finds the last range that starts at or before an address; the address lies in it only
-- if it ends at or behind the address, else it lies in a gap and has no country.  Addresses and
-- ranges are shifted by the space of their snapshot, so that none is found in another's.
CREATE OR REPLACE TEMP TABLE located AS
WITH dated AS (
    SELECT
        a.ip,
        v.*,
        a.ip + v.country_space AS country_at,
        a.ip + v.network_space AS network_at,
        a.ip + v.registration_space AS registration_at
    FROM (SELECT DISTINCT ip, last_seen::DATE AS day FROM judged) AS a
    JOIN vintages AS v USING (day)
),
placed AS (
    SELECT
        d.*,
        CASE WHEN d.country_at <= c.range_end THEN c.country END AS country,
        CASE WHEN d.network_at <= n.range_end THEN n.asn END AS asn,
        CASE WHEN d.network_at <= n.range_end THEN n.network END AS network,
        CASE WHEN d.registration_at <= g.range_end THEN g.country END AS registry_country,
        CASE WHEN d.registration_at <= g.range_end THEN g.holder END AS holder
    FROM dated AS d
    ASOF LEFT JOIN country_ranges AS c ON d.country_at >= c.range_start
    ASOF LEFT JOIN network_ranges AS n ON d.network_at >= n.range_start
    ASOF LEFT JOIN registration_ranges AS g ON d.registration_at >= g.range_start
)
SELECT
    p.ip,
    p.day,
    p.country,
    p.asn,
    coalesce(nullif(p.network, ''), o.network, p.network) AS network,
    p.registry_country,
    p.holder,
    o.organisation,
    -- registries also write EU and AP, regions that contradict no country
    p.country <> p.registry_country
        AND CASE WHEN p.registry_country NOT IN ('EU', 'AP') THEN TRUE END AS country_conflict,
    p.country_snapshot,
    p.network_snapshot,
    p.registration_snapshot,
    p.organisation_snapshot
FROM placed AS p
LEFT JOIN organisations AS o ON p.organisation_snapshot = o.snapshot AND p.asn = o.asn;
