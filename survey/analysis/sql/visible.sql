-- The rows of a table with ``ip``, without the addresses in some ranges (opt-outs).
-- Grain: the table's.  Reads: the named table, ranges and the /16 blocks that hold them.
-- Used by: views.py.
-- Nearly all rows lie in a /16 that holds no opt-out, and need only one look-up in a small hash;
-- an ASOF join over all of them takes several times as long.
CREATE MACRO visible(source, ranges, blocks) AS TABLE
SELECT t.*
FROM query_table(source) AS t
ANTI JOIN query_table(blocks) AS b ON t.ip >> 16 = b.block
UNION ALL
SELECT t.*
FROM (
    SELECT s.*
    FROM query_table(source) AS s
    SEMI JOIN query_table(blocks) AS b ON s.ip >> 16 = b.block
) AS t
ASOF LEFT JOIN query_table(ranges) AS o ON t.ip >= o.range_start
WHERE o.range_end IS NULL OR t.ip > o.range_end;
