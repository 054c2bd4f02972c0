-- name: gateways
SELECT
    id, name, revoked_at IS NOT NULL, current_epoch, hello_at, signing,
    ARRAY(
        SELECT public_key FROM gateway_signing_key
        WHERE gateway_id = gateway.id AND retired_at IS NULL
    )
FROM gateway WHERE name = ANY(%(names)s)

-- name: revoked_epochs
SELECT gateway_id, epoch FROM gateway_epoch
WHERE gateway_id = ANY(%(gateways)s) AND revoked_at IS NOT NULL

-- name: owner_of_epoch
SELECT gateway.name FROM gateway_epoch JOIN gateway ON gateway.id = gateway_id
WHERE epoch = %(epoch)s ORDER BY first_at LIMIT 1

-- name: homes
SELECT id, gateway_id FROM meter WHERE id = ANY(%(meters)s)

-- name: closed_spans
-- Up to the midnight of UTC before the floor: no zone is further ahead. What is left of a local day there is
-- stored, and no day of it is validated.
SELECT
    channel.id, (extract(epoch FROM lower(installation.during)) * 1000)::bigint,
    (extract(epoch FROM least(
        upper(installation.during), (service_point.retention_floor - 1)::timestamp AT TIME ZONE 'UTC'
    )) * 1000)::bigint
FROM channel
JOIN installation ON installation.meter_id = channel.meter_id
JOIN service_point ON service_point.id = installation.service_point_id
WHERE channel.id = ANY(%(ids)s::bigint[]) AND installation.withdrawn IS NULL
    AND service_point.retention_floor IS NOT NULL

-- name: add_meters
-- In key order, so that two workers that meet the same new meters wait and do not deadlock.
INSERT INTO meter (manufacturer, serial, gateway_id, first_seen_at)
SELECT manufacturer, serial, gateway_id, %(now)s
FROM unnest(%(manufacturer)b::text[], %(serial)b::text[], %(gateway_id)b::bigint[])
    AS seen (manufacturer, serial, gateway_id)
ORDER BY manufacturer, serial
ON CONFLICT (manufacturer, serial) DO NOTHING

-- name: find_meters
SELECT meter.id, manufacturer, serial, meter.gateway_id
FROM meter JOIN unnest(%(manufacturer)b::text[], %(serial)b::text[])
    AS seen (manufacturer, serial) USING (manufacturer, serial)

-- name: meters_of
SELECT gateway_id, count(*) FROM meter WHERE gateway_id = ANY(%(gateways)s) GROUP BY gateway_id

-- name: channels_of
SELECT gateway_id, count(*) FROM channel JOIN meter ON meter.id = meter_id
WHERE gateway_id = ANY(%(gateways)s) GROUP BY gateway_id

-- name: epochs_of
SELECT gateway_id, count(*) FROM gateway_epoch
WHERE gateway_id = ANY(%(gateways)s) GROUP BY gateway_id

-- name: quarantined_of
SELECT gateway_id, count(*) FROM batch
WHERE outcome = 'quarantined' AND gateway_id IN (
    SELECT claimed.gateway_id FROM batch AS claimed WHERE claimed.id = ANY(%(batches)s)
)
GROUP BY gateway_id

-- name: open_findings_of
SELECT gateway_id, count(*) FROM finding
WHERE closed_at IS NULL AND gateway_id = ANY(%(gateways)s) GROUP BY gateway_id

-- name: open_keys
SELECT key FROM finding WHERE closed_at IS NULL AND key = ANY(%(keys)s)

-- name: add_channels
INSERT INTO channel (meter_id, obis, kind, period_s, source, unit, first_seen_at)
SELECT meter_id, obis, kind, period_s, source, unit, %(now)s
FROM unnest(
    %(meter_id)b::bigint[], %(obis)b::bytea[], %(kind)b::smallint[], %(period_s)b::integer[],
    %(source)b::smallint[], %(unit)b::text[]
) AS seen (meter_id, obis, kind, period_s, source, unit)
ORDER BY meter_id, obis, kind, period_s, source
ON CONFLICT (meter_id, obis, kind, period_s, source) DO NOTHING

-- name: find_channels
SELECT channel.id, meter_id, obis, kind, period_s, source, channel.unit
FROM channel JOIN unnest(
    %(meter_id)b::bigint[], %(obis)b::bytea[], %(kind)b::smallint[], %(period_s)b::integer[],
    %(source)b::smallint[]
) AS seen (meter_id, obis, kind, period_s, source)
USING (meter_id, obis, kind, period_s, source)

-- name: attach
SELECT reading_attach(%(from_at)s, %(until_at)s, %(now)s)

-- name: attach_blocks
-- A day more on both sides, whatever the zone is.
SELECT day_block_attach(
    (%(from_at)s::timestamptz AT TIME ZONE 'UTC')::date - 1,
    (%(until_at)s::timestamptz AT TIME ZONE 'UTC')::date + 1,
    %(now)s
)

-- name: claim
INSERT INTO batch (
    gateway_id, epoch, sequence, sha256, prev_hash, made_at, replaces, outcome, code,
    received, stored, quarantined, received_at, stored_at
)
SELECT
    gateway_id, epoch, sequence, sha256, prev_hash, made_at, replaces, outcome, code,
    received, coalesce(received, 0) - quarantined, quarantined, received_at, %(now)s
FROM unnest(
    %(gateway_id)b::bigint[], %(epoch)b::uuid[], %(sequence)b::bigint[], %(sha256)b::bytea[],
    %(prev_hash)b::bytea[], %(made_at)b::timestamptz[], %(replaces)b::bytea[],
    %(outcome)b::text[], %(code)b::text[], %(received)b::integer[], %(quarantined)b::integer[],
    %(received_at)b::timestamptz[]
) AS seen (
    gateway_id, epoch, sequence, sha256, prev_hash, made_at, replaces, outcome, code,
    received, quarantined, received_at
)
ORDER BY gateway_id, epoch, sequence
ON CONFLICT (gateway_id, epoch, sequence) DO NOTHING
RETURNING id, gateway_id, epoch, sequence

-- name: claimed
SELECT
    batch.id, gateway_id, epoch, sequence, sha256, prev_hash, replaces, received,
    CASE WHEN outcome = 'quarantined' THEN code END
FROM batch JOIN unnest(%(gateway_id)b::bigint[], %(epoch)b::uuid[], %(sequence)b::bigint[])
    AS seen (gateway_id, epoch, sequence) USING (gateway_id, epoch, sequence)

-- name: fill
UPDATE batch SET
    sha256 = %(sha256)s, prev_hash = %(prev_hash)s, made_at = %(made_at)s,
    replaces = CASE WHEN sha256 = %(sha256)s THEN coalesce(replaces, %(replaces)s) ELSE sha256 END,
    outcome = %(outcome)s, code = %(code)s, received = %(received)s,
    stored = coalesce(%(received)s::integer, 0) - %(quarantined)s, duplicate = 0, conflict = 0,
    quarantined = %(quarantined)s
WHERE id = %(batch_id)s

-- name: release
UPDATE quarantine SET released_at = %(now)s WHERE batch_id = %(batch_id)s AND released_at IS NULL

-- name: copy_readings
COPY reading (channel_id, at, mantissa, batch_id, span_ms, exponent, flags)
FROM STDIN (FORMAT binary)

-- name: recorded_again
-- What came of a batch that was stored before, in part or not at all, is known from now on.
INSERT INTO reading_recorded (channel_id, at, revision, recorded_at)
SELECT
    channel_id, timestamptz '2000-01-01 00:00:00Z' + at_us * interval '1 microsecond', 0, %(now)s
FROM unnest(%(channel_id)s, %(at_us)s) AS stored (channel_id, at_us)

-- name: probe_readings
-- The bounds let the planner leave out partitions and chunks before it starts.
SELECT wanted.position, reading.mantissa, reading.exponent, reading.batch_id
FROM unnest(%(position)s, %(channel_id)s, %(at_us)s) AS wanted (position, channel_id, at_us)
JOIN reading
    ON reading.channel_id = wanted.channel_id
    AND reading.at = timestamptz '2000-01-01 00:00:00Z' + wanted.at_us * interval '1 microsecond'
WHERE reading.revision = 0
    AND reading.at BETWEEN %(from_at)s AND %(until_at)s

-- name: recount
UPDATE batch SET
    stored = counted.stored, duplicate = counted.duplicate, conflict = counted.conflict,
    quarantined = counted.quarantined,
    outcome = CASE WHEN counted.quarantined > 0 THEN 'quarantined' ELSE 'stored' END
FROM unnest(
    %(batch_id)b::bigint[], %(stored)b::integer[], %(duplicate)b::integer[],
    %(conflict)b::integer[], %(quarantined)b::integer[]
) AS counted (batch_id, stored, duplicate, conflict, quarantined)
WHERE batch.id = counted.batch_id

-- name: keep_conflicts
INSERT INTO conflict (
    batch_id, channel_id, at, mantissa, exponent, flags, span_ms, kept_mantissa, kept_exponent,
    found_at
)
SELECT
    batch_id, channel_id,
    timestamptz '2000-01-01 00:00:00Z' + at_us * interval '1 microsecond',
    mantissa, exponent, flags, span_ms, kept_mantissa, kept_exponent, %(now)s
FROM unnest(
    %(batch_id)s, %(channel_id)s, %(at_us)s, %(mantissa)s, %(exponent)s, %(flags)s, %(span_ms)s,
    %(kept_mantissa)b::bigint[], %(kept_exponent)b::bigint[]
) AS seen (
    batch_id, channel_id, at_us, mantissa, exponent, flags, span_ms, kept_mantissa, kept_exponent
)
ON CONFLICT DO NOTHING

-- name: quarantine
INSERT INTO quarantine (batch_id, code, message, payload, quarantined_at)
SELECT batch_id, code, message, payload, %(now)s
FROM unnest(%(batch_id)b::bigint[], %(code)b::text[], %(message)b::text[], %(payload)b::bytea[])
    AS quarantined (batch_id, code, message, payload)
ON CONFLICT (batch_id) DO UPDATE SET
    code = excluded.code, message = excluded.message, released_at = NULL

-- name: keep_signatures
INSERT INTO batch_signature (batch_id, version, key_id, signature, body, stored_at)
SELECT batch_id, version, key_id, signature, body, %(now)s
FROM unnest(
    %(batch_id)b::bigint[], %(version)b::smallint[], %(key_id)b::bytea[], %(signature)b::bytea[],
    %(body)b::bytea[]
) AS signed (batch_id, version, key_id, signature, body)
ORDER BY batch_id
ON CONFLICT DO NOTHING

-- name: copy_touched
COPY touched (channel_id, from_at, until_at) FROM STDIN (FORMAT binary)

-- name: add_cursors
INSERT INTO gateway_epoch (gateway_id, epoch, first_at, last_at, advanced_at)
SELECT gateway_id, epoch, %(now)s, %(now)s, %(now)s
FROM unnest(%(gateway_id)b::bigint[], %(epoch)b::uuid[]) AS seen (gateway_id, epoch)
WHERE NOT EXISTS (
    SELECT FROM gateway_epoch known
    WHERE known.gateway_id = seen.gateway_id AND known.epoch = seen.epoch
)
ORDER BY gateway_id, epoch
ON CONFLICT DO NOTHING

-- name: lock_cursors
SELECT
    gateway_id, epoch, cum, cum_hash, high, advanced_at, superseded_by, superseded_last,
    new_epoch_at, revoked_at IS NOT NULL
FROM gateway_epoch
JOIN unnest(%(gateway_id)b::bigint[], %(epoch)b::uuid[]) AS wanted (gateway_id, epoch)
    USING (gateway_id, epoch)
ORDER BY gateway_id, epoch
FOR NO KEY UPDATE OF gateway_epoch

-- name: links
SELECT wanted.gateway_id, wanted.epoch, link.sequence, link.sha256, link.prev_hash, link.replaces
FROM unnest(%(gateway_id)b::bigint[], %(epoch)b::uuid[], %(after)b::bigint[])
    AS wanted (gateway_id, epoch, after)
CROSS JOIN LATERAL (
    SELECT sequence, sha256, prev_hash, replaces FROM batch
    WHERE batch.gateway_id = wanted.gateway_id
        AND batch.epoch = wanted.epoch
        AND batch.sequence >= wanted.after
    ORDER BY sequence LIMIT 1000
) AS link
ORDER BY wanted.gateway_id, wanted.epoch, link.sequence

-- name: made_at
SELECT made_at FROM batch
WHERE gateway_id = %(gateway_id)s AND epoch = %(epoch)s AND sequence = %(sequence)s

-- name: save_cursors
UPDATE gateway_epoch SET
    cum = risen.cum, cum_hash = risen.cum_hash, high = risen.high,
    advanced_at = risen.advanced_at, superseded_by = risen.superseded_by,
    superseded_last = risen.superseded_last, new_epoch_at = risen.new_epoch_at, last_at = %(now)s
FROM unnest(
    %(gateway_id)b::bigint[], %(epoch)b::uuid[], %(cum)b::bigint[], %(cum_hash)b::bytea[],
    %(high)b::bigint[], %(advanced_at)b::timestamptz[], %(superseded_by)b::uuid[],
    %(superseded_last)b::bigint[], %(new_epoch_at)b::timestamptz[]
) AS risen (
    gateway_id, epoch, cum, cum_hash, high, advanced_at, superseded_by, superseded_last,
    new_epoch_at
)
WHERE gateway_epoch.gateway_id = risen.gateway_id AND gateway_epoch.epoch = risen.epoch

-- name: reject
INSERT INTO rejected (
    gateway, code, payload_sha256, payload_bytes, payload, message, epoch, sequence,
    first_at, last_at
) VALUES (
    %(gateway)s, %(code)s, %(payload_sha256)s, %(payload_bytes)s, %(payload)s, %(message)s,
    %(epoch)s, %(sequence)s, %(at)s, %(at)s
)
ON CONFLICT (gateway, code, payload_sha256) DO UPDATE SET
    times = rejected.times + 1, last_at = excluded.last_at

-- name: trim_rejected_of
-- A gateway that sends nonsense takes no other's place.
DELETE FROM rejected WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY gateway ORDER BY last_at DESC, id DESC) AS place
        FROM rejected WHERE gateway = ANY(%(gateways)s)
    ) AS placed
    WHERE place > %(bound)s
)

-- name: trim_rejected
-- Many names may send nonsense: beyond what all may have, those go first that have the most.
DELETE FROM rejected WHERE id IN (
    SELECT id FROM (
        SELECT
            id, last_at,
            row_number() OVER (PARTITION BY gateway ORDER BY last_at DESC, id DESC) AS place
        FROM rejected WHERE (SELECT count(*) FROM rejected) > %(bound)s
    ) AS placed
    ORDER BY place, last_at DESC, id DESC OFFSET %(bound)s
)

-- name: find
INSERT INTO finding (
    key, code, message, gateway_id, epoch, from_sequence, until_sequence, raised_at
)
SELECT key, code, message, gateway_id, epoch, from_sequence, until_sequence, %(now)s
FROM unnest(
    %(key)b::text[], %(code)b::text[], %(message)b::text[], %(gateway_id)b::bigint[],
    %(epoch)b::uuid[], %(from_sequence)b::bigint[], %(until_sequence)b::bigint[]
) AS found (key, code, message, gateway_id, epoch, from_sequence, until_sequence)
-- A hole that somebody has answered for is answered.
WHERE NOT (code = 'GAP' AND EXISTS (
    SELECT FROM finding AS answered
    WHERE answered.key = found.key AND answered.code = 'GAP' AND answered.closed_at IS NOT NULL
        AND answered.closed_by NOT LIKE 'job:%%'
))
ORDER BY key
ON CONFLICT (key) WHERE closed_at IS NULL DO NOTHING

-- name: note_clocks
-- Days that were closed meanwhile are judged again: a batch may come late.
WITH noted AS (
    INSERT INTO meter_clock (meter_id, at, own_at, is_wrong, recorded_at)
    SELECT meter.id, seen.at, seen.own_at, seen.is_wrong, %(now)s
    FROM unnest(
        %(gateway_id)b::bigint[], %(manufacturer)b::text[], %(serial)b::text[],
        %(at)b::timestamptz[], %(own_at)b::timestamptz[], %(is_wrong)b::boolean[]
    ) AS seen (gateway_id, manufacturer, serial, at, own_at, is_wrong)
    JOIN meter USING (manufacturer, serial, gateway_id)
    ORDER BY meter.id, seen.at
    ON CONFLICT DO NOTHING
    RETURNING meter_id, at
)
INSERT INTO touched (channel_id, from_at, until_at)
SELECT channel.id, noted.at, greatest(noted.at + interval '1 millisecond', %(now)s)
FROM noted JOIN channel ON channel.meter_id = noted.meter_id
ORDER BY channel.id, noted.at

-- name: close_findings
UPDATE finding SET closed_at = %(now)s, closed_by = %(closed_by)s
WHERE key = ANY(%(keys)s) AND closed_at IS NULL

-- name: save_hello
UPDATE gateway SET current_epoch = %(epoch)s, hello_at = %(at)s, agent = %(agent)s
WHERE id = %(gateway_id)s

-- name: note_import
INSERT INTO reading_import (gateway_id, epoch, sha256, imported_by, imported_at)
VALUES (%(gateway_id)s, %(epoch)s, %(sha256)s, %(imported_by)s, %(now)s)
ON CONFLICT (gateway_id, epoch) DO NOTHING

-- name: quarantined
SELECT
    gateway.name, batch.gateway_id, batch.epoch, batch.sequence, batch.sha256, batch.received_at,
    quarantine.batch_id, quarantine.code, quarantine.message, quarantine.payload
FROM quarantine
JOIN batch ON batch.id = quarantine.batch_id
JOIN gateway ON gateway.id = batch.gateway_id
WHERE quarantine.released_at IS NULL
    AND (%(gateway)s::text IS NULL OR gateway.name = %(gateway)s)
    AND (%(code)s::text IS NULL OR quarantine.code = %(code)s)
ORDER BY quarantine.batch_id LIMIT %(limit)s

-- name: stalled
SELECT
    gateway_id, epoch, cum, cum_hash, high, advanced_at, superseded_by, superseded_last,
    new_epoch_at, revoked_at IS NOT NULL
FROM gateway_epoch WHERE high > cum AND advanced_at < %(before)s
ORDER BY gateway_id, epoch

-- name: open_findings
SELECT key, code, message, gateway_id, epoch, from_sequence, until_sequence
FROM finding
WHERE closed_at IS NULL AND (%(code)s::text IS NULL OR code = %(code)s)
ORDER BY id
