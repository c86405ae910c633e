-- The part of one run that one jurisdiction may see: the only source of its report (law 8).
-- Grain: one per address; the columns of hosts.  Reads: hosts, own_ranges, foreign_ranges.
-- Used by: jurisdiction.py.  Bound: $countries, $networks.
-- own_ranges are the jurisdiction's ranges; foreign_ranges its exclusions and all opt-outs of now.
-- An address of no known country or network belongs to nobody, unless a range names it.
CREATE TEMP TABLE own_hosts AS
SELECT h.*
FROM hosts AS h
ASOF LEFT JOIN own_ranges AS o ON h.ip >= o.range_start
ASOF LEFT JOIN foreign_ranges AS f ON h.ip >= f.range_start
WHERE
    (
        coalesce(h.country IN (SELECT unnest($countries::VARCHAR[])), FALSE)
        OR coalesce(h.asn IN (SELECT unnest($networks::UINTEGER[])), FALSE)
        OR coalesce(h.ip <= o.range_end, FALSE)
    )
    AND NOT coalesce(h.ip <= f.range_end, FALSE);
