-- What public databases say today about addresses: the copies in force, and what they answered over
-- DNS when they were last asked with success.
-- Grain: one per entry; ranges may overlap.  Reads: stored.listing_ranges, listing_checks.
-- Used by: views.py.
-- ``since`` is the publisher's word; ``seen_since`` and ``last_seen`` are what we saw ourselves.
CREATE VIEW listings AS
SELECT range_start, range_end, listing, since, seen_since, last_seen, code, reason, snapshot
FROM stored.listing_ranges
UNION ALL
SELECT
    ip AS range_start,
    ip AS range_end,
    listing,
    NULL AS since,
    since AS seen_since,
    last_seen,
    code,
    reason,
    'check' AS snapshot
FROM listing_checks
WHERE last_seen = checked_at;
