-- What each port of one slice said, by place (fingerprint.Place).
-- Grain: one per (ip, port) that said something.  Reads: observations.  Used by: identified.sql.
-- Bound: $first, $last (addresses).
-- Several conversations with one port are joined line by line, in the order of their text, so that
-- the same observations give the same row.  Behind the head of a granted tunnel our canary speaks:
-- that is never the server's own word.
CREATE OR REPLACE TEMP TABLE said AS
WITH
spoke AS (
    SELECT ip, port, probe, code, reply, received, sent
    FROM observations
    WHERE ip BETWEEN $first AND $last AND received <> ''::BLOB
),
refusals AS (
    SELECT ip, port, joined(list(spoken(reply))) AS refusal
    FROM spoke
    WHERE probe = 'smtp_relay' AND code >= 400
    GROUP BY ip, port
),
heard AS (  -- the variants of one relay connection hold the same bytes
    SELECT *, spoken(received) AS heard
    FROM (SELECT DISTINCT ip, port, probe, received, sent FROM spoke)
),
kinds AS (
    SELECT
        *,
        starts_with(heard, 'HTTP/') AS http,
        -- a page fetched through it may come without a head (HTTP/0.9): those words are another's
        probe NOT IN ('http_get', 'http_post') AS own,
        own AND regexp_matches(heard, '^[2-5][0-9][0-9][ -]') AS coded,
        regexp_matches(heard, '^HTTP/[0-9.]+ [45]') AS refused,
        split_part(heard, chr(10) || chr(10), 1) AS head,
        regexp_extract(
            heard, '^(?:[2-5][0-9][0-9]-[^\n]*\n)*[2-5][0-9][0-9](?: [^\n]*)?'
        ) AS greeting
    FROM heard
),
placed AS (
    SELECT
        ip,
        port,
        -- only a mailbox at a name that was shown to resolve to the address is called so
        CASE WHEN probe = 'smtp_relay' THEN nullif(regexp_extract(
            CAST(sent AS VARCHAR),
            '(?:FROM|TO):<postmaster@([a-z0-9.-]+)>', 1
        ), '') END AS host,
        CASE WHEN coded THEN greeting END AS greeting,
        CASE WHEN coded AND probe = 'smtp_relay' THEN substr(heard, length(greeting) + 2) END
            AS ehlo,
        -- a page that was fetched through it comes with the far end's Server
        CASE WHEN http AND (own OR refused)
            THEN http_field(head, 'server') END AS server,
        CASE WHEN http THEN http_field(head, 'proxy-agent') END AS agent,
        CASE WHEN http THEN http_field(head, 'via') END AS via,
        CASE WHEN http THEN head END AS head,
        CASE WHEN refused THEN substr(heard, length(head) + 3) END AS page,
        CASE WHEN probe = 'socks4' THEN hex(received) END AS socks4,
        CASE WHEN probe = 'socks4a' THEN hex(received) END AS socks4a,
        CASE WHEN probe = 'socks5' THEN hex(received) END AS socks5,
        CASE WHEN own AND NOT http AND NOT coded THEN heard END AS first
    FROM kinds
),
ports AS (
    SELECT
        ip,
        port,
        min(host) AS host,
        joined(list(greeting)) AS greeting,
        joined(list(ehlo)) AS ehlo,
        joined(list(server)) AS server,
        joined(list(agent)) AS agent,
        joined(list(via)) AS via,
        joined(list(head)) AS head,
        joined(list(page)) AS page,
        joined(list(socks4)) AS socks4,
        joined(list(socks4a)) AS socks4a,
        joined(list(socks5)) AS socks5,
        joined(list(first)) AS first
    FROM placed
    GROUP BY ip, port
)
SELECT p.*, coalesce(r.refusal, '') AS refusal
FROM ports AS p
LEFT JOIN refusals AS r ON p.ip = r.ip AND p.port = r.port;
