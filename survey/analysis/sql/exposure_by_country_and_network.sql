-- How exposed each network is in each country that it has addresses in.
-- Grain: exposure one per (campaign, run, kind, country, asn), changes one per (campaign, every,
-- period, kind, country, asn); NULL is what no range of the registry holds.
-- Reads: seen_hosts, held_by_country_and_network, periods.  Used by: by name in any query.
-- Ranks are among the networks of the country.
CREATE OR REPLACE TEMP VIEW seen_by_country_and_network AS
SELECT
    kind, campaign, run, struct_pack(country, asn) AS key, verdict, rung, country_conflict
FROM seen_hosts;
CREATE OR REPLACE TEMP VIEW counted_by_country_and_network AS
SELECT
    * REPLACE (
        CASE WHEN key.asn IS NOT NULL THEN rank() OVER (
            PARTITION BY campaign, run, kind, key.country, key.asn IS NULL ORDER BY open DESC
        ) END AS rank,
        CASE WHEN key.asn IS NOT NULL AND answering > 0 THEN rank() OVER (
            PARTITION BY campaign, run, kind, key.country, key.asn IS NULL
            ORDER BY coalesce(per_100k_low, -1) DESC
        ) END AS rate_rank
    )
FROM counted('seen_by_country_and_network', 'held_by_country_and_network');
CREATE OR REPLACE TEMP VIEW exposure_by_country_and_network AS
SELECT campaign, run, kind, unnest(key), name AS network, * EXCLUDE (campaign, run, kind, key, name)
FROM counted_by_country_and_network;
CREATE OR REPLACE TEMP VIEW changes_by_country_and_network AS
SELECT
    campaign, every, period, previous_period, kind, unnest(key), name AS network,
    * EXCLUDE (campaign, every, period, previous_period, kind, key, name)
FROM changed('counted_by_country_and_network');
