-- What each port of one slice said, by place (fingerprint.Place).
-- Grain: one per (ip, port) that said something.  Reads: observations.  Used by: identified.sql.
-- Bound: $first, $last (addresses).
-- Several conversations with one port are joined line by line, in the order of their text, so that
-- the same observations give the same row.  Behind the head of a granted tunnel our canary speaks:
-- that is never the server's own word.
CREATE OR REPLACE TEMP TABLE said AS
WITH
heard AS (  -- the variants of one relay connection hold the same bytes
    SELECT DISTINCT
        ip,
        port,
        probe,
        CASE WHEN probe = 'smtp_relay' AND code >= 400 THEN spoken(reply) END AS refusal,
        spoken(received) AS heard,
        CASE WHEN probe LIKE 'socks%' THEN hex(received) END AS hexed,
        -- only a mailbox at a name that was shown to resolve to the address is called so
        CASE
            WHEN probe = 'smtp_relay' THEN nullif(regexp_extract(
                CAST(sent AS VARCHAR),
                '(?:FROM:<(?:postmaster|spamtest)|TO:<postmaster)@([a-z0-9.-]+)>', 1
            ), '')
        END AS host
    FROM observations
    WHERE ip BETWEEN $first AND $last AND received <> ''::BLOB
),
kinds AS (
    SELECT
        *,
        starts_with(heard, 'HTTP/') AS http,
        probe NOT LIKE 'http%' AND regexp_matches(heard, '^[2-5][0-9][0-9][ -]') AS coded,
        split_part(heard, chr(10) || chr(10), 1) AS head,
        heard LIKE 'HTTP/%' AND regexp_matches(heard, '^HTTP/[0-9.]+ [45]') AS refused
    FROM heard
),
placed AS (
    SELECT
        ip,
        port,
        host,
        refusal,
        CASE WHEN coded THEN regexp_extract(
            heard, '^(?:[2-5][0-9][0-9]-[^\n]*\n)*[2-5][0-9][0-9](?: [^\n]*)?'
        ) END AS greeting,
        CASE WHEN coded AND probe = 'smtp_relay' THEN regexp_replace(
            heard, '^(?:[2-5][0-9][0-9]-[^\n]*\n)*[2-5][0-9][0-9](?: [^\n]*)?\n?', ''
        ) END AS ehlo,
        -- a page that was fetched through it comes with the far end's Server
        CASE WHEN http AND (refused OR probe NOT IN ('http_get', 'http_post'))
            THEN http_field(head, 'server') END AS server,
        CASE WHEN http THEN http_field(head, 'proxy-agent') END AS agent,
        CASE WHEN http THEN http_field(head, 'via') END AS via,
        CASE WHEN http THEN head END AS head,
        CASE WHEN refused THEN substr(heard, length(head) + 3) END AS page,
        CASE WHEN probe = 'socks4' THEN hexed END AS socks4,
        CASE WHEN probe = 'socks4a' THEN hexed END AS socks4a,
        CASE WHEN probe = 'socks5' THEN hexed END AS socks5,
        CASE WHEN NOT http AND NOT coded AND probe NOT LIKE 'http%' THEN heard END AS first
    FROM kinds
)
SELECT
    ip,
    port,
    min(host) AS host,
    coalesce(string_agg(DISTINCT greeting, chr(10) ORDER BY greeting), '') AS greeting,
    coalesce(string_agg(DISTINCT ehlo, chr(10) ORDER BY ehlo), '') AS ehlo,
    coalesce(string_agg(DISTINCT refusal, chr(10) ORDER BY refusal), '') AS refusal,
    coalesce(string_agg(DISTINCT server, chr(10) ORDER BY server), '') AS server,
    coalesce(string_agg(DISTINCT agent, chr(10) ORDER BY agent), '') AS agent,
    coalesce(string_agg(DISTINCT via, chr(10) ORDER BY via), '') AS via,
    coalesce(string_agg(DISTINCT head, chr(10) ORDER BY head), '') AS head,
    coalesce(string_agg(DISTINCT page, chr(10) ORDER BY page), '') AS page,
    coalesce(string_agg(DISTINCT socks4, chr(10) ORDER BY socks4), '') AS socks4,
    coalesce(string_agg(DISTINCT socks4a, chr(10) ORDER BY socks4a), '') AS socks4a,
    coalesce(string_agg(DISTINCT socks5, chr(10) ORDER BY socks5), '') AS socks5,
    coalesce(string_agg(DISTINCT first, chr(10) ORDER BY first), '') AS first
FROM placed
GROUP BY ip, port;
