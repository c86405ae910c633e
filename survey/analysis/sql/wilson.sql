-- The 95 % interval of ``hits`` among ``total`` as fractions, NULL if total is 0.
-- Unlike the usual interval it is right for few hits and never leaves 0 to 1.
-- Source: E. B. Wilson, JASA 22 (1927) 209-212; z = 1.959964.  Used by: exposure_by_*.sql.
CREATE MACRO wilson_low(hits, total) AS CASE
    WHEN total = 0 THEN NULL
    WHEN hits = 0 THEN 0.0
    ELSE (
        hits / total + 3.841459 / (2 * total)
        - 1.959964 * sqrt(
            hits / total * (1 - hits / total) / total + 3.841459 / (4.0 * total * total)
        )
    ) / (1 + 3.841459 / total)
END;
CREATE MACRO wilson_high(hits, total) AS CASE
    WHEN total = 0 THEN NULL
    WHEN hits = total THEN 1.0
    ELSE (
        hits / total + 3.841459 / (2 * total)
        + 1.959964 * sqrt(
            hits / total * (1 - hits / total) / total + 3.841459 / (4.0 * total * total)
        )
    ) / (1 + 3.841459 / total)
END;
