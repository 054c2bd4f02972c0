-- name: compared
-- Of accounts with issued bills: how many parts stand, a hash over these and the revisions of their
-- inputs, the bills of which a tariff, its holidays or a series of their days is another than they were
-- rated with, whether one of those changed since the account was compared last, and whether a part's
-- point or account has another revision. A tariff or table that only got versions of later days, and a
-- series that only got later days, are no other input; a margin does no harm, where clocks disagree or
-- a transaction is long. What is the same for all bills is on no line.
WITH part AS (
    SELECT
        issued_part.*, compared_account.revisions, compared_account.compared_at,
        point_now + account_now + tariff_now + coalesce(series.now, 0) + coalesce(others.now, 0) AS now,
        point_revision IS DISTINCT FROM point_now OR account_revision IS DISTINCT FROM account_now
            AS suspect,
        CASE
            WHEN series_revisions IS NULL OR tariff_revision IS NULL OR others.differs THEN 'infinity'
            ELSE greatest(
                series.changed_at,
                CASE WHEN tariff_revision <> tariff_now THEN greatest(
                    (
                        SELECT max(added_at) FROM tariff_version
                        WHERE tariff_version.tariff_id = issued_part.tariff_id
                            AND tariff_version.effective <= issued_part.taxed_until
                    ),
                    -- Of calendars that have another revision now.
                    (
                        SELECT max(coalesce(newest.recorded_at, 'infinity'))
                        FROM jsonb_each_text(issued_part.holiday_revisions) AS stamped (name, revision)
                        CROSS JOIN LATERAL (
                            SELECT revision, recorded_at FROM holiday_calendar
                            WHERE holiday_calendar.name || ' ' || holiday_calendar.year = stamped.name
                            ORDER BY revision DESC LIMIT 1
                        ) AS newest
                        WHERE greatest(stamped.revision::bigint, 1) <> newest.revision
                    )
                ) END
            )
        END + %(margin)s::interval AS changed_at
    FROM issued_part
    LEFT JOIN compared_account ON compared_account.account_id = issued_part.account_id
    LEFT JOIN LATERAL (
        SELECT
            sum(coalesce(series.input_revision, 0)) AS now,
            max(greatest(
                (
                    SELECT max(series_day.made_at) FROM series_day
                    WHERE series_day.series_id = series.id
                        AND series_day.day >= issued_part.read_from
                        AND series_day.day <= issued_part.end_day
                ),
                (
                    SELECT max(lookup_table.recorded_at) FROM lookup_table
                    WHERE lookup_table.series_id = series.id
                        AND lookup_table.since <= issued_part.taxed_until
                ),
                (
                    SELECT max(usage_meter.recorded_at) FROM usage_meter
                    WHERE usage_meter.series_id = series.id
                        AND usage_meter.since <= issued_part.end_day
                )
            )) FILTER (WHERE stamped.revision::bigint <> coalesce(series.input_revision, 0))
                AS changed_at
        FROM jsonb_each_text(issued_part.series_revisions) AS stamped (name, revision)
        LEFT JOIN series ON series.name = stamped.name
    ) AS series ON true
    LEFT JOIN LATERAL (
        SELECT
            sum(coalesce(other.input_revision, 0)) AS now,
            bool_or(stamped.revision::bigint IS DISTINCT FROM other.input_revision) AS differs
        FROM jsonb_each_text(issued_part.other_tariff_revisions) AS stamped (name, revision)
        LEFT JOIN tariff AS other ON other.name = stamped.name
    ) AS others ON true
    WHERE issued_part.account_id = ANY(%(accounts)s)
), hashed AS (
    SELECT
        account_id, account, compared_at, revisions, count(*) AS parts,
        hashtextextended(string_agg(id || ' ' || now, ',' ORDER BY id), 0) AS now,
        coalesce(array_agg(DISTINCT bill_id) FILTER (WHERE changed_at > since), '{}') AS changed,
        coalesce(bool_or(changed_at > greatest(since, compared_at)), false) AS anew,
        bool_or(suspect) AS suspect
    FROM part GROUP BY account_id, account, compared_at, revisions
)
SELECT
    hashed.account_id, hashed.account, hashed.parts, hashed.now, hashed.changed, hashed.anew,
    hashed.suspect, hashed.revisions IS NOT DISTINCT FROM hashed.now AS compared, hashed.compared_at,
    candidate.hold IS NOT NULL AS held
FROM hashed
LEFT JOIN correction_candidate AS candidate
    ON candidate.account_id = hashed.account_id AND candidate.closed_at IS NULL
ORDER BY hashed.account_id

-- name: suspects
-- Parts of issued bills whose point or account has another revision: whether what they read of it
-- changed since they were rated, or their account was compared last. A day is read by its blocks; a
-- finding or a conflict that waits holds it. Of money a part reads what it took, which stays. What the
-- registry says is asked for below.
WITH part AS MATERIALIZED (
    SELECT
        issued_part.id, issued_part.bill_id, issued_part.account_id, issued_part.account,
        issued_part.service_point_id, issued_part.service_point, issued_part.read_from, issued_part.end_day,
        point_revision IS NULL OR account_revision IS NULL AS unknown,
        greatest(
            issued_part.since,
            (
                SELECT compared_at FROM compared_account
                WHERE %(anew)s AND compared_account.account_id = issued_part.account_id
            )
        ) - %(margin)s::interval AS since
    FROM issued_part
    WHERE issued_part.account_id = ANY(%(accounts)s)
        AND (point_revision IS DISTINCT FROM point_now OR account_revision IS DISTINCT FROM account_now)
)
SELECT
    account_id, bill_id, account, service_point, read_from, end_day, since,
    unknown OR EXISTS (
        SELECT FROM point_channel
        JOIN day_block ON day_block.channel_id = point_channel.id
            AND day_block.day > part.read_from AND day_block.day < part.end_day
            AND day_block.made_at > part.since
        WHERE point_channel.service_point_id = part.service_point_id
    ) OR EXISTS (
        SELECT FROM point_channel
        LEFT JOIN allocated_channel ON allocated_channel.channel_id = point_channel.id
        JOIN vee_finding
            ON vee_finding.channel_id IN (point_channel.id, allocated_channel.source_id)
            AND vee_finding.day > part.read_from AND vee_finding.day < part.end_day
            AND vee_finding.closed_at IS NULL AND vee_finding.severity = 'critical'
            AND vee_finding.accepted_by IS NULL AND vee_finding.raised_at > part.since
        WHERE point_channel.service_point_id = part.service_point_id
    ) OR EXISTS (
        SELECT FROM installation
        JOIN channel ON channel.meter_id = installation.meter_id
        JOIN conflict ON conflict.channel_id = channel.id AND conflict.decided_at IS NULL
            AND conflict.found_at > part.since
            AND conflict.at >= part.read_from::timestamp AT TIME ZONE 'UTC'
            AND conflict.at <= (part.end_day + 1)::timestamp AT TIME ZONE 'UTC'
        WHERE installation.service_point_id = part.service_point_id
    ) OR EXISTS (
        SELECT FROM subject_assignment AS mine
        JOIN subject_assignment AS assigned ON assigned.subject_id = mine.subject_id
            AND assigned.from_day < part.end_day AND assigned.recorded_at > part.since
        WHERE mine.service_point_id = part.service_point_id
    ) OR EXISTS (
        -- Usage events of its days, and what replaced them since.
        SELECT FROM subject_assignment AS mine
        JOIN usage_event AS event ON event.subject_id = mine.subject_id
            AND event.at >= part.read_from::timestamp AT TIME ZONE 'UTC'
            AND event.at <= (part.end_day + 1)::timestamp AT TIME ZONE 'UTC'
        LEFT JOIN usage_event_key AS newer ON newer.version > 1
            AND newer.source_id = event.source_id AND newer.event_id = event.event_id
            AND newer.version > event.version
        JOIN usage_receipt ON usage_receipt.id IN (event.receipt_id, newer.receipt_id)
            AND usage_receipt.recorded_at > part.since
        WHERE mine.service_point_id = part.service_point_id
    )
FROM part
ORDER BY account_id, id

-- name: records
-- What the registry says otherwise of points and accounts since a time, and what it said before.
SELECT rated.account, rated.point, changed.kind, earlier.content, changed.content, changed.recorded_at
FROM unnest(%(accounts)s::text[], %(points)s::text[], %(since)s::timestamptz[])
    AS rated (account, point, since)
CROSS JOIN LATERAL (
    SELECT * FROM registry_revision
    WHERE kind = 'account' AND subject = rated.account AND recorded_at > rated.since
    UNION ALL
    SELECT * FROM registry_revision
    WHERE kind IN ('service_point', 'service') AND subject = rated.point AND recorded_at > rated.since
    UNION ALL
    SELECT * FROM registry_revision
    WHERE kind = 'installation' AND content ->> 'point' = rated.point AND recorded_at > rated.since
    UNION ALL
    -- Of all points of the account: bills of it may hand on what is its own.
    SELECT registry_revision.*
    FROM account
    JOIN agreement ON agreement.account_id = account.id
    JOIN service_point ON service_point.id = agreement.service_point_id
    JOIN registry_revision ON kind = 'agreement'
        AND subject = account.number || ' at ' || service_point.name || ' from '
        || lower(agreement.during)
        AND recorded_at > rated.since
    WHERE account.number = rated.account
) AS changed
LEFT JOIN registry_revision AS earlier ON earlier.kind = changed.kind
    AND earlier.subject = changed.subject AND earlier.revision = changed.revision - 1

-- name: note
-- Accounts of whose issued bills nothing more differs than was known, or that were rated just now.
INSERT INTO compared_account (account_id, revisions, compared_at)
SELECT account_id, revisions, %(at)s
FROM unnest(%(accounts)s::bigint[], %(revisions)s::bigint[]) AS compared (account_id, revisions)
ORDER BY account_id
ON CONFLICT (account_id) DO UPDATE SET
    revisions = excluded.revisions, compared_at = excluded.compared_at
