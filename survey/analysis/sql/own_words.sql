-- What a server itself said first; behind it our canary may have spoken through it, nonce and all.
-- A mail server's greeting to its last line, an HTTP proxy's answer to its blank line, the reply of
-- a SOCKS server or a telnet gateway.  What GET and POST bring without a head is the far end's.
-- Grain: a macro over the text of bytes, where a line end is \x0A.  Used by: findings.sql.
CREATE MACRO own_text(probe, heard, reply) AS CASE
    WHEN probe = 'smtp_relay'
        THEN regexp_extract(heard, '^(?:[0-9]{3}-.*?\\x0A)*.*?(?:\\x0A|$)')
    WHEN starts_with(probe, 'http_') AND starts_with(heard, 'HTTP/')
        THEN regexp_extract(
            concat(heard, '\x0A\x0A'), '^(.*?)(?:\\x0D)?\\x0A(?:\\x0D)?\\x0A', 1
        )
    WHEN probe IN ('http_get', 'http_post') AND starts_with(heard, '220') THEN ''
    WHEN starts_with(probe, 'http_') THEN heard
    ELSE reply
END;
CREATE MACRO own_words(probe, received, reply) AS CAST(
    own_text(probe, CAST(received AS VARCHAR), CAST(reply AS VARCHAR)) AS BLOB
);
