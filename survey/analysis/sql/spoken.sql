-- A stranger's bytes as lines of text for the fingerprints.
-- A cast of a BLOB writes what is not printable ASCII, quotes and the backslash as \xNN; quotes
-- come back as they were, LF ends a line, and a CR is dropped.  Used by: said.sql.
CREATE MACRO spoken(bytes) AS replace(replace(replace(replace(
    CAST(bytes AS VARCHAR), '\x0D', ''), '\x0A', chr(10)), '\x22', '"'), '\x27', '''');
-- The value of one field of an HTTP head, "" if it has none.
CREATE MACRO http_field(head, name) AS
    regexp_extract(head, '(?im)^' || name || ':[ \t]*([^\n]*)', 1);
-- Some texts as the lines of one: each once, in their order; "" for none.
CREATE MACRO joined(texts) AS array_to_string(list_sort(list_distinct(texts)), chr(10));
