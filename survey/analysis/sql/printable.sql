-- A stranger's bytes as words for the rules: lower case, what is not printable ASCII as a blank.
-- A cast of a BLOB never fails and writes such bytes as \xNN; a cast to text of UTF-8 could fail.
CREATE MACRO printable(bytes) AS
    regexp_replace(lower(CAST(bytes AS VARCHAR)), '\\x[0-9a-f]{2}', ' ', 'g');
-- The same words without the mailboxes in them: a host's name may hold any word.
CREATE MACRO unaddressed(words) AS
    regexp_replace(words, '<[^<>]*@[^<>]*>|[^ ]*@[^ ]*', '', 'g');
-- An IPv4 number as dotted text.
CREATE OR REPLACE MACRO ip_text(ip) AS
    concat_ws('.', (ip >> 24) & 255, (ip >> 16) & 255, (ip >> 8) & 255, ip & 255);
