-- Episodes by what they are counted by, one row for each part that an episode belongs to.
-- Grain: one per (episode, part).  Reads: scope_episodes.  Used by: balance.py, closure.py.
-- An episode keeps the country, network and probes of its opening all its life, so that what opens
-- in a part also ends in it.  One that several probes opened is in the part of each.
CREATE OR REPLACE MACRO parts(what) AS TABLE
SELECT
    e.*,
    unnest(CASE what
        WHEN 'kind' THEN [e.kind]
        WHEN 'probe' THEN e.probes
        WHEN 'country' THEN [e.country]
        WHEN 'registry_country' THEN [e.registry_country]
        WHEN 'network' THEN [e.asn::VARCHAR]
        WHEN 'holder' THEN [e.holder]
        WHEN 'organisation' THEN [e.organisation]
        WHEN 'block' THEN [ip_text(e.ip & 4294967040) || '/24']
        WHEN 'software' THEN [e.software]
        ELSE ['all']
    END) AS part
FROM scope_episodes AS e;
