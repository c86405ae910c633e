-- The rows of a table with ``ip`` whose address lies in the territory at hand.
-- Grain: the table's.  Reads: the named table, territory.  Used by: exposure.py.
CREATE MACRO within(source) AS TABLE
SELECT t.*
FROM query_table(source) AS t
ASOF JOIN territory AS r ON t.ip >= r.range_start
WHERE t.ip <= r.range_end;
