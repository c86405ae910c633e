-- The kinds of weakness that exposure is counted in.
-- Grain: one per kind.  Used by: counted.sql.
CREATE OR REPLACE TEMP VIEW kinds AS FROM (VALUES ('any'), ('relay'), ('proxy')) AS k(kind);
