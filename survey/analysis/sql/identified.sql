-- The program behind each port of one slice, NULL where no fingerprint fits.
-- Grain: one per (ip, port) that said something.  Reads: said, fingerprints.
-- Used by: findings.sql.  Bound: $version (characters of a version at most).
CREATE OR REPLACE TEMP TABLE identified AS
WITH fitting AS MATERIALIZED (
    SELECT
        *,
        fingerprint(
            greeting, ehlo, refusal, server, agent, via, head, page,
            socks4, socks4a, socks5, first
        ) AS row_
    FROM said
)
SELECT
    s.ip,
    s.port,
    s.host,
    f.id AS sign,
    f.software,
    f.named,
    nullif(left(version_of(
        s.row_, s.greeting, s.ehlo, s.refusal, s.server, s.agent, s.via, s.head, s.page,
        s.socks4, s.socks4a, s.socks5, s.first
    ), $version), '') AS version
FROM fitting AS s
LEFT JOIN fingerprints AS f ON f.number = s.row_;
