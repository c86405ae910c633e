-- The address ranges that the registries give to some countries and networks.
-- Grain: one per range; they may overlap.  Reads: country_ranges, network_ranges.
-- Used by: jurisdiction.py.  Bound: $countries, $networks.
SELECT range_start, range_end
FROM country_ranges
WHERE country IN (SELECT unnest($countries::VARCHAR[]))
UNION ALL
SELECT range_start, range_end
FROM network_ranges
WHERE asn IN (SELECT unnest($networks::UINTEGER[]));
