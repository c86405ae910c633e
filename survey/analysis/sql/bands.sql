-- The 95 % band of a share that is still open: Greenwood's on the scale of log(-log), which never
-- leaves 0 to 1.  `spread` is the sum of d / (n (n - d)).  Used by: closure_rows.sql,
-- closed_shares.sql.  z = 1.959964.
CREATE OR REPLACE MACRO band_low(share, spread) AS CASE
    WHEN share >= 1 THEN 1.0
    WHEN share <= 0 THEN 0.0
    ELSE exp(-exp(ln(-ln(share)) - 1.959964 * sqrt(spread) / ln(share)))
END;
CREATE OR REPLACE MACRO band_high(share, spread) AS CASE
    WHEN share >= 1 THEN 1.0
    WHEN share <= 0 THEN 0.0
    ELSE exp(-exp(ln(-ln(share)) + 1.959964 * sqrt(spread) / ln(share)))
END;
