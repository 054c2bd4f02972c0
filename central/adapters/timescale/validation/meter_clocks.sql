-- name: clock_errors
-- When the clocks of installed meters were wrong: each from one look of the gateway to the next. A look whose
-- times, by either clock, lie beside the window concerns no reading in it.
SELECT place.channel_id, place.installation_id, look.at, look.own_at, look.until_at
FROM unnest(
    %(ids)s::bigint[], %(installations)s::bigint[], %(from_at)s::timestamptz[],
    %(until_at)s::timestamptz[]
) AS place (channel_id, installation_id, from_at, until_at)
JOIN installation ON installation.id = place.installation_id
JOIN LATERAL (
    SELECT at, own_at, is_wrong, lead(at) OVER (ORDER BY at) AS until_at
    FROM meter_clock WHERE meter_clock.meter_id = installation.meter_id
) AS look ON look.is_wrong
WHERE least(look.at, look.own_at) <= place.until_at
    AND coalesce(greatest(look.until_at, look.until_at + (look.own_at - look.at)), 'infinity')
        > place.from_at
ORDER BY place.channel_id, place.installation_id, look.at
