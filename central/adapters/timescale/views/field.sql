-- name: totals
SELECT
    enrolled.gateways, enrolled.silent, enrolled.never, known.meters, heard.silent, heard.never,
    heard.unplaced,
    (SELECT count(*) FROM conflict WHERE decided_at IS NULL),
    (SELECT count(*) FROM quarantine WHERE released_at IS NULL)
FROM (
    SELECT
        count(*) AS gateways,
        count(*) FILTER (WHERE last_seen_at < %(silent)s) AS silent,
        count(*) FILTER (WHERE last_seen_at IS NULL) AS never
    FROM gateway_seen WHERE revoked_at IS NULL
) AS enrolled
CROSS JOIN (SELECT count(*) AS meters FROM meter) AS known
CROSS JOIN (
    SELECT
        count(*) FILTER (WHERE last_at < %(silent)s) AS silent,
        count(*) FILTER (WHERE last_at IS NULL) AS never,
        count(*) FILTER (WHERE NOT installed) AS unplaced
    FROM meter_seen
) AS heard

-- name: finding_codes
SELECT code, count(*) AS times FROM (
    SELECT code FROM finding WHERE closed_at IS NULL
    UNION ALL
    SELECT code FROM vee_finding
    WHERE closed_at IS NULL AND accepted_by IS NULL AND severity <> 'info'
) AS found GROUP BY code ORDER BY times DESC, code LIMIT 8

-- name: claim_refresh
SELECT pg_try_advisory_xact_lock(7303001)

-- name: refresh
-- Meters that are new, were heard since they were last looked at, or were installed or removed.
WITH due AS (
    SELECT meter.id, place.meter_id IS NOT NULL AS installed
    FROM meter
    LEFT JOIN meter_seen ON meter_seen.meter_id = meter.id
    LEFT JOIN (
        SELECT gateway_id, max(last_at) AS heard_at FROM gateway_epoch GROUP BY gateway_id
    ) AS heard ON heard.gateway_id = meter.gateway_id
    LEFT JOIN (
        SELECT meter_id FROM installation WHERE during @> %(now)s::timestamptz
    ) AS place ON place.meter_id = meter.id
    WHERE meter_seen.meter_id IS NULL
        OR heard.heard_at >= meter_seen.seen_at
        OR meter_seen.installed <> (place.meter_id IS NOT NULL)
    ORDER BY meter_seen.seen_at NULLS FIRST
    LIMIT %(limit)s
), latest AS (
    SELECT due.id, due.installed, max(newest.at) AS last_at, max(good.at) AS good_at
    FROM due
    LEFT JOIN channel ON channel.meter_id = due.id
    LEFT JOIN LATERAL (
        SELECT at, flags FROM reading WHERE channel_id = channel.id ORDER BY at DESC LIMIT 1
    ) AS newest ON true
    LEFT JOIN LATERAL (
        SELECT at FROM reading
        WHERE channel_id = channel.id AND flags & 15 = 0 ORDER BY at DESC LIMIT 1
    ) AS good ON true
    GROUP BY due.id, due.installed
)
INSERT INTO meter_seen (meter_id, last_at, good_at, installed, attention_from, seen_at)
SELECT
    id, last_at, good_at, installed,
    CASE WHEN installed AND last_at IS NOT NULL THEN last_at + %(silent_after)s::interval
    ELSE '-infinity' END,
    %(now)s
FROM latest
ORDER BY id
ON CONFLICT (meter_id) DO UPDATE SET
    last_at = excluded.last_at, good_at = excluded.good_at, installed = excluded.installed,
    attention_from = excluded.attention_from, seen_at = excluded.seen_at

-- name: gateways
SELECT
    gateway.name, gateway.revoked_at IS NOT NULL, gateway.enrolled_at,
    greatest(gateway.hello_at, gateway.status_at, heard.at), gateway.current_epoch,
    coalesce(epoch.cum, heard.cum, 0), gateway.backlog, behind.meters, open.findings
FROM gateway
CROSS JOIN LATERAL (
    SELECT max(last_at) AS at, (array_agg(cum ORDER BY last_at DESC))[1] AS cum
    FROM gateway_epoch WHERE gateway_id = gateway.id
        AND NOT EXISTS (
            SELECT FROM reading_import
            WHERE reading_import.gateway_id = gateway_epoch.gateway_id
                AND reading_import.epoch = gateway_epoch.epoch
        )
) AS heard
LEFT JOIN gateway_epoch AS epoch
    ON epoch.gateway_id = gateway.id AND epoch.epoch = gateway.current_epoch
CROSS JOIN LATERAL (
    SELECT count(*) AS meters FROM meter WHERE gateway_id = gateway.id
) AS behind
CROSS JOIN LATERAL (
    SELECT count(*) AS findings FROM finding
    WHERE gateway_id = gateway.id AND closed_at IS NULL
) AS open
WHERE gateway.name LIKE %(prefix)s
    AND (%(name)s::text IS NULL OR gateway.name = %(name)s)
    AND (%(after)s::text IS NULL OR gateway.name > %(after)s)
    AND (NOT %(attention)s OR (gateway.revoked_at IS NULL AND (
        coalesce(greatest(gateway.hello_at, gateway.status_at, heard.at), '-infinity') < %(silent)s
        OR open.findings > 0
    )))
ORDER BY gateway.name
LIMIT %(limit)s

-- name: meters
-- The page is chosen first, from indexes alone; what is costly is asked for its rows only.
WITH chosen AS MATERIALIZED (
    SELECT meter.id, meter.manufacturer, meter.serial, meter.gateway_id
    FROM meter
    {attention}
    WHERE meter.serial LIKE %(prefix)s
        AND (%(id)s::bigint IS NULL OR meter.id = %(id)s)
        AND (%(gateway)s::text IS NULL
            OR meter.gateway_id = (SELECT id FROM gateway WHERE name = %(gateway)s))
        AND (%(after_manufacturer)s::text IS NULL
            OR (meter.manufacturer, meter.serial) > (%(after_manufacturer)s, %(after_serial)s))
    ORDER BY meter.manufacturer, meter.serial
    LIMIT %(limit)s
)
SELECT
    chosen.id, chosen.manufacturer, chosen.serial, gateway.name,
    service_point.uid, service_point.name, coalesce(service_point.zone, 'UTC'),
    seen.last_at, seen.good_at, service_point.id
FROM chosen
JOIN gateway ON gateway.id = chosen.gateway_id
LEFT JOIN LATERAL (
    SELECT service_point_id FROM installation
    WHERE installation.meter_id = chosen.id AND installation.during @> %(now)s::timestamptz
    LIMIT 1
) AS place ON true
LEFT JOIN service_point ON service_point.id = place.service_point_id
LEFT JOIN LATERAL (
    SELECT max(newest.at) AS last_at, max(good.at) AS good_at
    FROM channel
    LEFT JOIN LATERAL (
        SELECT at FROM reading WHERE channel_id = channel.id ORDER BY at DESC LIMIT 1
    ) AS newest ON true
    LEFT JOIN LATERAL (
        SELECT at FROM reading
        WHERE channel_id = channel.id AND flags & 15 = 0 ORDER BY at DESC LIMIT 1
    ) AS good ON true
    WHERE channel.meter_id = chosen.id
) AS seen ON true
ORDER BY chosen.manufacturer, chosen.serial

-- name: attention
JOIN meter_seen ON meter_seen.meter_id = meter.id AND meter_seen.attention_from < %(now)s

-- name: gaps
SELECT DISTINCT ON (point_channel.id, day_block.day)
    point_channel.service_point_id, day_block.missing
FROM point_channel
JOIN day_block ON day_block.channel_id = point_channel.id
WHERE point_channel.service_point_id = ANY(%(points)s) AND day_block.day >= %(since)s
ORDER BY point_channel.id, day_block.day, day_block.version DESC

-- name: point_findings
SELECT point_channel.service_point_id, count(*)
FROM point_channel
JOIN vee_finding ON vee_finding.channel_id = point_channel.id AND vee_finding.closed_at IS NULL
    AND vee_finding.accepted_by IS NULL
WHERE point_channel.service_point_id = ANY(%(points)s) AND vee_finding.severity <> 'info'
GROUP BY point_channel.service_point_id

-- name: channels
SELECT
    channel.id, channel.meter_id, channel.obis, channel.kind, channel.period_s, channel.source,
    channel.unit, oldest.at, newest.at, newest.mantissa, newest.exponent
FROM channel
LEFT JOIN LATERAL (
    SELECT at FROM reading WHERE channel_id = channel.id ORDER BY at LIMIT 1
) AS oldest ON true
LEFT JOIN LATERAL (
    SELECT at, mantissa, exponent FROM reading
    WHERE channel_id = channel.id ORDER BY at DESC, revision DESC LIMIT 1
) AS newest ON true
WHERE (%(meter)s::bigint IS NULL OR channel.meter_id = %(meter)s)
    AND (%(id)s::bigint IS NULL OR channel.id = %(id)s)
ORDER BY channel.obis, channel.source DESC, channel.kind, channel.period_s

-- name: readings
SELECT
    reading.at, reading.revision, reading.mantissa, reading.exponent, reading.flags, channel.unit,
    reading_import.imported_by, reading_import.sha256
FROM reading
JOIN channel ON channel.id = reading.channel_id
LEFT JOIN batch ON batch.id = reading.batch_id
LEFT JOIN reading_import
    ON reading_import.gateway_id = batch.gateway_id AND reading_import.epoch = batch.epoch
WHERE reading.channel_id = %(channel)s AND reading.at >= %(start)s AND reading.at < %(end)s
    AND (%(after_at)s::timestamptz IS NULL
        OR (reading.at, reading.revision) > (%(after_at)s, %(after_revision)s))
ORDER BY reading.at, reading.revision
LIMIT %(limit)s

-- name: imports
-- Files whose readings lie in days of a point's channel, its ends included.
SELECT DISTINCT
    gateway.name, reading_import.sha256, reading_import.imported_by, reading_import.imported_at
FROM point_channel
JOIN installation ON installation.service_point_id = point_channel.service_point_id
    AND installation.withdrawn IS NULL
    AND installation.during && tstzrange(%(start)s, %(end)s, '[]')
JOIN channel ON channel.meter_id = installation.meter_id AND channel.obis = point_channel.obis
JOIN reading ON reading.channel_id = channel.id AND reading.at BETWEEN %(start)s AND %(end)s
JOIN batch ON batch.id = reading.batch_id
JOIN reading_import
    ON reading_import.gateway_id = batch.gateway_id AND reading_import.epoch = batch.epoch
JOIN gateway ON gateway.id = reading_import.gateway_id
WHERE point_channel.id = ANY(%(channels)s)
ORDER BY reading_import.imported_at, reading_import.sha256

-- name: point_channels
SELECT
    point_channel.id, service_point.uid, service_point.name, service_point.zone,
    point_channel.obis, point_channel.period_s, point_channel.unit, newest.day
FROM point_channel
JOIN service_point ON service_point.id = point_channel.service_point_id
LEFT JOIN LATERAL (
    SELECT day FROM day_block WHERE channel_id = point_channel.id ORDER BY day DESC LIMIT 1
) AS newest ON true
WHERE (%(point)s::uuid IS NULL OR service_point.uid = %(point)s)
    AND (%(id)s::bigint IS NULL OR point_channel.id = %(id)s)
ORDER BY point_channel.obis

-- name: blocks
SELECT DISTINCT ON (day)
    channel_id, day, version, sha256, content,
    zone, unit, period_s, exponent, start_ms, intervals
FROM day_block JOIN block_heading ON block_heading.id = heading_id
WHERE channel_id = %(channel)s AND day >= %(first)s AND day < %(until)s
ORDER BY day, version DESC

-- name: validated_months
SELECT
    date_trunc('month', newest.day::timestamp)::date, sum(newest.intervals)::bigint,
    sum(newest.estimated)::bigint, sum(newest.missing)::bigint
FROM (
    SELECT DISTINCT ON (day) day, estimated, missing, intervals
    FROM day_block JOIN block_heading ON block_heading.id = heading_id
    WHERE channel_id = %(channel)s AND day >= %(first)s AND day < %(until)s
    ORDER BY day, version DESC
) AS newest
GROUP BY 1
ORDER BY 1

-- name: block_versions
SELECT
    channel_id, day, version, sha256, content,
    zone, unit, period_s, exponent, start_ms, intervals
FROM day_block
JOIN block_heading ON block_heading.id = heading_id
JOIN unnest(%(days)s::date[], %(versions)s::integer[]) AS wanted (day, version)
    USING (day, version)
WHERE channel_id = %(channel)s
ORDER BY day

-- name: findings
SELECT
    'i' || finding.id, finding.code, 'warning', gateway.name, NULL::bigint, NULL::text,
    NULL::timestamptz, NULL::timestamptz, finding.message, finding.raised_at AS raised_at
FROM finding
LEFT JOIN gateway ON gateway.id = finding.gateway_id
WHERE finding.closed_at IS NULL AND %(meter)s::bigint IS NULL
    AND (%(gateway)s::text IS NULL OR gateway.name = %(gateway)s)
    AND (finding.raised_at, finding.id) < (%(at)s::timestamptz, %(id)s::bigint)
    AND (%(since)s::timestamptz IS NULL OR finding.raised_at >= %(since)s)
ORDER BY finding.raised_at DESC, finding.id DESC
LIMIT %(limit)s

-- name: document_findings
-- Invoices that could not be rendered.
SELECT
    'd' || document_job.bill_id, document_job.code, 'warning', NULL::text, NULL::bigint,
    NULL::text, NULL::timestamptz, NULL::timestamptz,
    bill.number || ' of ' || (bill.document ->> 'account') || ', attempt '
    || document_job.attempts || ': ' || document_job.message, document_job.failed_at
FROM document_job JOIN bill ON bill.id = document_job.bill_id
WHERE document_job.code IS NOT NULL
    AND (document_job.failed_at, document_job.bill_id) < (%(at)s::timestamptz, %(id)s::bigint)
    AND (%(since)s::timestamptz IS NULL OR document_job.failed_at >= %(since)s)
ORDER BY document_job.failed_at DESC, document_job.bill_id DESC
LIMIT %(limit)s

-- name: vee_findings
SELECT
    'v' || vee_finding.id, vee_finding.code, vee_finding.severity, NULL::text, meter.id,
    coalesce(meter.serial, service_point.name), vee_finding.from_at, vee_finding.until_at,
    vee_finding.message, vee_finding.raised_at
FROM vee_finding
JOIN point_channel ON point_channel.id = vee_finding.channel_id
JOIN service_point ON service_point.id = point_channel.service_point_id
LEFT JOIN LATERAL (
    SELECT meter_id FROM installation
    WHERE installation.service_point_id = service_point.id
        AND installation.during @> vee_finding.from_at
    LIMIT 1
) AS place ON true
LEFT JOIN meter ON meter.id = place.meter_id
WHERE vee_finding.closed_at IS NULL AND vee_finding.accepted_by IS NULL
    AND vee_finding.severity <> 'info'
    AND (%(points)s::bigint[] IS NULL OR point_channel.service_point_id = ANY(%(points)s))
    AND {behind}
    AND (%(since)s::timestamptz IS NULL OR vee_finding.raised_at >= %(since)s)
ORDER BY {first} vee_finding.raised_at DESC, vee_finding.id DESC
LIMIT %(limit)s

-- name: finding_count
SELECT
    (
        SELECT count(*) FROM finding JOIN gateway ON gateway.id = finding.gateway_id
        WHERE finding.closed_at IS NULL AND gateway.name = %(gateway)s
    ) + (
        SELECT count(*) FROM vee_finding
        JOIN point_channel ON point_channel.id = vee_finding.channel_id
        WHERE vee_finding.closed_at IS NULL AND vee_finding.accepted_by IS NULL
            AND vee_finding.severity <> 'info'
            AND point_channel.service_point_id = ANY(%(points)s)
    )

-- name: points_of
-- Where a meter is or was installed, or where a gateway's meters are.
SELECT DISTINCT installation.service_point_id
FROM installation
JOIN meter ON meter.id = installation.meter_id
LEFT JOIN gateway ON gateway.id = meter.gateway_id
WHERE installation.withdrawn IS NULL
    AND (%(meter)s::bigint IS NULL OR meter.id = %(meter)s)
    AND (%(gateway)s::text IS NULL OR gateway.name = %(gateway)s)

-- name: points
SELECT
    service_point.uid, service_point.name, service_point.address, service_point.zone,
    meter.id, meter.serial, account.uid, account.name, tariff.name
FROM (
    SELECT * FROM service_point
    WHERE name LIKE %(prefix)s
        AND (%(name)s::text IS NULL OR name = %(name)s)
        AND (%(id)s::uuid IS NULL OR uid = %(id)s)
        -- As an array, so that the index of names finds them and nothing else is read.
        AND (%(since)s::timestamptz IS NULL OR name = ANY(ARRAY(
            SELECT subject FROM registry_revision
            WHERE kind IN ('service_point', 'service') AND recorded_at >= %(since)s
        )))
        AND (%(after)s::text IS NULL OR name > %(after)s)
    ORDER BY name
    LIMIT %(limit)s
) AS service_point
LEFT JOIN LATERAL (
    SELECT meter_id FROM installation
    WHERE installation.service_point_id = service_point.id
        AND installation.during @> %(now)s::timestamptz
    LIMIT 1
) AS place ON true
LEFT JOIN meter ON meter.id = place.meter_id
LEFT JOIN agreement ON agreement.service_point_id = service_point.id
    AND agreement.during @> (%(now)s::timestamptz AT TIME ZONE service_point.zone)::date
LEFT JOIN account ON account.id = agreement.account_id
LEFT JOIN tariff ON tariff.id = agreement.tariff_id
ORDER BY service_point.name
