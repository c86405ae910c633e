-- Networks whose servers come and go by themselves: their counts of new and fixed are no measure of
-- what anybody did.
-- Grain: one per network; most episodes first.  Reads: scope_episodes.  Used by: churn.py.
-- Bound: $least (episodes that a network must have to be flagged), $days, $share.
-- Of the episodes that began long enough ago, those that nobody proved open once more after two days
-- were short.  A network is dominated by churn if most were short AND about as many opened later
-- as went away: where an operator has closed all its servers, nothing comes in their place.
WITH
began AS (
    SELECT
        asn,
        any_value(network) AS network,
        min(opened_at) AS first_at,
        max(as_of) AS as_of
    FROM scope_episodes
    GROUP BY asn
),
counted AS (
    SELECT
        e.asn,
        b.network,
        count(*) AS episodes,
        count(*) FILTER (WHERE e.opened_at <= e.as_of - to_days($days::INTEGER)) AS old_enough,
        count(*) FILTER (
            WHERE e.opened_at <= e.as_of - to_days($days::INTEGER)
            AND e.last_open_at < e.opened_at + to_days(2)
        ) AS short,
        count(*) FILTER (WHERE e.fixed_at IS NOT NULL OR e.lost_at IS NOT NULL) AS ended,
        count(*) FILTER (WHERE e.opened_at > b.first_at + to_days(7)) AS came_later,
        count(*) FILTER (WHERE e.moved_to IS NOT NULL) AS moved,
        count(*) FILTER (WHERE e.lost_at IS NOT NULL) AS lost,
        median(epoch(e.last_open_at - e.opened_at) / 86400) AS median_days_seen_open
    FROM scope_episodes AS e
    JOIN began AS b ON e.asn IS NOT DISTINCT FROM b.asn
    GROUP BY e.asn, b.network
)
SELECT
    asn,
    network,
    episodes,
    short,
    short / nullif(old_enough, 0) AS short_share,
    came_later / nullif(ended, 0) AS replaced_share,
    lost,
    moved,
    median_days_seen_open,
    coalesce(
        asn IS NOT NULL
        AND old_enough >= $least
        AND short >= $share * old_enough
        AND came_later >= 0.5 * ended,
        FALSE
    ) AS churn_dominated
FROM counted
ORDER BY episodes DESC, asn NULLS LAST;
