-- name: hold_bills
-- With those directly before them; as a run changes them: by account.
SELECT bill.id FROM bill
WHERE bill.id IN (
    SELECT chosen.id FROM bill AS chosen WHERE chosen.uid = ANY(%(uids)s)
    UNION
    SELECT earlier.bill_id
    FROM bill AS chosen
    JOIN bill_part ON bill_part.bill_id = chosen.id
    JOIN billed_period ON billed_period.occupancy_id = bill_part.occupancy_id
        AND billed_period.end_day = bill_part.first_day
    JOIN bill_part AS earlier ON earlier.id = billed_period.part_id
    WHERE chosen.uid = ANY(%(uids)s)
)
ORDER BY bill.account_id, bill.id
FOR NO KEY UPDATE

-- name: named_inputs
-- What some bills were made from.
WITH part AS (
    SELECT
        agreement.service_point_id, agreement.tariff_id, bill_part.series_revisions,
        bill_part.other_tariff_revisions
    FROM bill
    JOIN bill_part ON bill_part.bill_id = bill.id
    JOIN agreement ON agreement.id = bill_part.agreement_id
    WHERE bill.uid = ANY(%(uids)s)
)
SELECT
    ARRAY(SELECT DISTINCT service_point_id FROM part),
    ARRAY(SELECT DISTINCT account_id FROM bill WHERE uid = ANY(%(uids)s)),
    ARRAY(
        SELECT tariff_id FROM part
        UNION
        SELECT tariff.id
        FROM part
        CROSS JOIN jsonb_object_keys(part.other_tariff_revisions) AS named (name)
        JOIN tariff ON tariff.name = named.name
    ),
    ARRAY(
        SELECT DISTINCT named.name
        FROM part CROSS JOIN jsonb_object_keys(part.series_revisions) AS named (name)
        ORDER BY named.name
    )

-- name: hold_points
-- Shared with others who approve; who changes an input waits, or is waited for. The order is that
-- of `inputs.sql`.
SELECT id FROM service_point WHERE id = ANY(%(keys)s) ORDER BY id FOR SHARE

-- name: hold_accounts
SELECT id FROM account WHERE id = ANY(%(keys)s) ORDER BY id FOR SHARE

-- name: hold_tariffs
SELECT id FROM tariff WHERE id = ANY(%(keys)s) ORDER BY id FOR SHARE

-- name: know_series
-- A series of which nothing is known yet has no row that could be held.
INSERT INTO series (name) SELECT unnest(%(keys)s::text[]) ON CONFLICT (name) DO NOTHING
RETURNING id

-- name: hold_series
SELECT id FROM series WHERE name = ANY(%(keys)s) ORDER BY id FOR SHARE

-- name: hold_settings
SELECT id FROM common_input FOR SHARE

-- name: changed
-- Parts of which an input has another revision, or that are not all metered and through a gateway of
-- which something never arrived, or whose bill does not carry what is to be adjusted; a bill without
-- parts cannot be compared.
SELECT * FROM (
    SELECT
        bill.uid, service_point.name, account.number, tariff.name,
        part.point_revision IS DISTINCT FROM service_point.input_revision AS point,
        part.account_revision IS DISTINCT FROM account.input_revision AS account,
        part.tariff_revision IS DISTINCT FROM tariff.input_revision AS tariff,
        part.settings_revision IS DISTINCT FROM common_input.input_revision AS settings,
        ARRAY(
            SELECT stamped.name
            FROM jsonb_each_text(part.series_revisions) AS stamped (name, revision)
            LEFT JOIN series ON series.name = stamped.name
            WHERE stamped.revision::bigint <> coalesce(series.input_revision, 0)
            ORDER BY stamped.name
        ) AS series,
        (
            SELECT jsonb_object_agg(
                stamped.name, ARRAY(
                    SELECT DISTINCT tariff_version.effective FROM tariff_version
                    WHERE tariff_version.tariff_id = other.id
                        AND tariff_version.added_at > bill.made_at
                    ORDER BY tariff_version.effective
                )
            )
            FROM jsonb_each_text(part.other_tariff_revisions) AS stamped (name, revision)
            LEFT JOIN tariff AS other ON other.name = stamped.name
            WHERE stamped.revision::bigint IS DISTINCT FROM other.input_revision
        ) AS others,
        ARRAY(
            SELECT DISTINCT tariff_version.effective FROM tariff_version
            WHERE tariff_version.tariff_id = tariff.id AND tariff_version.added_at > bill.made_at
            ORDER BY tariff_version.effective
        ) AS versions,
        -- A change of them raises the tariff's revision. What a release says is revision 0, and 1 once
        -- it is kept.
        ARRAY(
            SELECT stamped.name
            FROM jsonb_each_text(part.holiday_revisions) AS stamped (name, revision)
            WHERE part.tariff_revision IS DISTINCT FROM tariff.input_revision
                AND greatest(stamped.revision::bigint, 1) <> (
                    SELECT coalesce(max(holiday_calendar.revision), 1) FROM holiday_calendar
                    WHERE holiday_calendar.name || ' ' || holiday_calendar.year = stamped.name
                )
            ORDER BY stamped.name
        ) AS holidays,
        ARRAY(
            SELECT DISTINCT gateway.name
            FROM installation
            JOIN meter ON meter.id = installation.meter_id
            JOIN gateway ON gateway.id = meter.gateway_id
            JOIN finding ON finding.gateway_id = gateway.id AND finding.closed_at IS NULL
                AND finding.code = ANY(%(codes)s)
            WHERE part.not_metered IS NOT FALSE
                AND installation.service_point_id = agreement.service_point_id
                AND installation.during && tstzrange(
                    (part.first_day - 1)::timestamp AT TIME ZONE 'UTC',
                    (part.end_day + 1)::timestamp AT TIME ZONE 'UTC'
                )
            ORDER BY gateway.name
        ) AS gateways,
        ARRAY(
            SELECT DISTINCT adjusted.number
            FROM adjustment
            JOIN bill AS adjusted ON adjusted.id = adjustment.bill_id
            WHERE bill.state IN ('draft', 'approved') AND bill.decision IS NULL
                AND adjustment.account_id = bill.account_id
                AND adjustment.currency = bill.currency
                AND NOT EXISTS (
                    SELECT FROM adjustment_use WHERE adjustment_id = adjustment.id
                )
            ORDER BY adjusted.number
        ) AS adjusted
    FROM bill
    JOIN account ON account.id = bill.account_id
    JOIN stamped_part AS part ON part.bill_id = bill.id
        AND NOT EXISTS (SELECT FROM cancelled_part WHERE part_id = part.id)
    JOIN agreement ON agreement.id = part.agreement_id
    JOIN service_point ON service_point.id = agreement.service_point_id
    JOIN tariff ON tariff.id = agreement.tariff_id
    CROSS JOIN common_input
    WHERE bill.uid = ANY(%(uids)s)
) AS compared
WHERE point OR account OR tariff OR settings OR series <> '{}' OR others IS NOT NULL
    OR gateways <> '{}' OR adjusted <> '{}'
ORDER BY 2, 3, 4

-- name: series_revisions
SELECT name, input_revision FROM series WHERE name = ANY(%(names)s)

-- name: contributors
SELECT bill.uid, min(contributor.what)
FROM bill JOIN bill_contributor AS contributor ON contributor.bill_id = bill.id
WHERE bill.uid = ANY(%(uids)s) AND contributor.actor = %(actor)s
GROUP BY bill.uid

-- name: refresh
UPDATE bill_part SET
    point_revision = %(point)s, account_revision = %(account)s, tariff_revision = %(tariff)s,
    settings_revision = %(settings)s, series_revisions = %(series)s,
    days_read = %(days_read)s, other_tariff_revisions = %(others)s, holiday_revisions = %(holidays)s,
    not_metered = %(not_metered)s, looks_back_days = %(looks_back)s,
    taxed_issue = %(taxed_issue)s, taxed_due = %(taxed_due)s
FROM bill
WHERE bill.id = bill_part.bill_id AND bill_part.agreement_id = %(agreement)s
    AND bill.account_id = %(account_id)s AND bill.cycle = %(cycle)s
    AND bill.run_type = %(run_type)s AND bill.revision = %(bill_revision)s
    AND bill.state IN ('draft', 'approved') AND bill.sha256 = %(sha256)s
    AND bill_part.closing_sha256 = %(closing_sha256)s
    AND (
        point_revision, account_revision, tariff_revision, settings_revision, series_revisions,
        days_read, other_tariff_revisions, holiday_revisions, not_metered,
        looks_back_days, taxed_issue, taxed_due
    ) IS DISTINCT FROM (
        %(point)s::bigint, %(account)s::bigint, %(tariff)s::bigint, %(settings)s::bigint,
        %(series)s::jsonb, %(days_read)s::jsonb, %(others)s::jsonb, %(holidays)s::jsonb,
        %(not_metered)s::boolean, %(looks_back)s::integer, %(taxed_issue)s::date,
        %(taxed_due)s::date
    )

-- name: accounts_of
SELECT DISTINCT bill.run_id, bill.account_id FROM bill
WHERE bill.uid = ANY(%(uids)s) ORDER BY bill.account_id

-- name: run_of
SELECT bill_run.id, bill_run.uid, bill_run.creator, bill_run.finished_at, bill_run.cycle,
    bill_run.run_type
FROM bill JOIN bill_run ON bill_run.id = bill.run_id
WHERE bill.uid = ANY(%(uids)s) LIMIT 1
