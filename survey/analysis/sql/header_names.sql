-- Names of the header lines in an arrival, each once, sorted, in lower case: 'via, x-forwarded-for'.
-- Grain: a macro.  Used by: judged.sql.
-- The cast writes every byte that is no printable ASCII, and a backslash, as \xNN: the only line
-- ends are ours, and the canary has kept no lines but those of the names that it knows.
CREATE MACRO header_names(headers) AS array_to_string(
    list_sort(list_distinct(regexp_extract_all(
        lower(CAST(headers AS VARCHAR)), '(?:^|\\x0a)([a-z-]+):', 1
    ))),
    ', '
);
