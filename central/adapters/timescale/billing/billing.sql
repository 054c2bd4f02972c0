-- name: add_run
INSERT INTO bill_run (uid, cycle, run_type, creator, started_at)
VALUES (%(uid)s, %(cycle)s, %(run_type)s, %(creator)s, %(at)s)
ON CONFLICT (cycle, run_type) DO NOTHING

-- name: lock_run
SELECT id, uid, creator, finished_at FROM bill_run
WHERE cycle = %(cycle)s AND run_type = %(run_type)s
FOR UPDATE

-- name: find_run
SELECT id, uid, creator, finished_at FROM bill_run
WHERE cycle = %(cycle)s AND run_type = %(run_type)s

-- name: open_shards
SELECT count(*), coalesce(sum(cardinality(accounts)), 0) FROM bill_shard
WHERE run_id = %(run)s AND done_at IS NULL

-- name: add_shards
-- Accounts with an agreement in the cycle and no bill that is more than a draft.
INSERT INTO bill_shard (run_id, number, accounts)
SELECT
    %(run)s,
    (SELECT coalesce(max(number), 0) FROM bill_shard WHERE run_id = %(run)s) + 1 + slot,
    array_agg(id ORDER BY id)
FROM (
    SELECT account.id, (row_number() OVER (ORDER BY account.id) - 1) / %(size)s AS slot
    FROM account
    WHERE EXISTS (
        SELECT FROM agreement
        WHERE agreement.account_id = account.id
            AND agreement.during && daterange(%(first)s, %(end)s)
    ) AND NOT EXISTS (
        SELECT FROM bill
        WHERE bill.account_id = account.id AND bill.cycle = %(cycle)s
            AND bill.run_type = %(run_type)s AND bill.revision = 0
            AND bill.state NOT IN ('held', 'draft')
    )
) AS waiting
GROUP BY slot

-- name: reopen_run
UPDATE bill_run SET finished_at = NULL WHERE id = %(run)s

-- name: finish_run
UPDATE bill_run SET finished_at = %(at)s
WHERE id = %(run)s AND finished_at IS NULL
    AND NOT EXISTS (SELECT FROM bill_shard WHERE run_id = %(run)s AND done_at IS NULL)

-- name: take_shard
SELECT number, accounts FROM bill_shard
WHERE run_id = %(run)s AND done_at IS NULL
ORDER BY number LIMIT 1
FOR UPDATE SKIP LOCKED

-- name: shard_done
UPDATE bill_shard SET done_at = %(at)s WHERE run_id = %(run)s AND number = %(number)s

-- name: seller
SELECT name, address, tax_id, contact FROM seller

-- name: accounts
SELECT id, number, name, address, tax_id, contact FROM account
WHERE id = ANY(%(accounts)s) ORDER BY id

-- name: supplies
-- The revisions come with the agreements, before anything else is read: what is read later may be
-- newer than they say, never older.
SELECT
    agreement.id, agreement.account_id, service_point.id, service_point.name, service_point.zone,
    tariff.name,
    lower(agreement.during * daterange(%(first)s, %(end)s)),
    upper(agreement.during * daterange(%(first)s, %(end)s)),
    agreement.facts,
    service_point.input_revision, account.input_revision, tariff.input_revision,
    common_input.input_revision
FROM agreement
JOIN account ON account.id = agreement.account_id
JOIN service_point ON service_point.id = agreement.service_point_id
JOIN tariff ON tariff.id = agreement.tariff_id
CROSS JOIN common_input
WHERE agreement.account_id = ANY(%(accounts)s)
    AND agreement.during && daterange(%(first)s, %(end)s)
ORDER BY agreement.account_id, service_point.name, lower(agreement.during)

-- name: tariffs
SELECT tariff.name, effective, document, tariff_in_force.sha256, currency, revision
FROM tariff JOIN tariff_in_force ON tariff_in_force.tariff_id = tariff.id
WHERE tariff.name = ANY(%(names)s)
ORDER BY tariff.name, effective

-- name: channels
SELECT id, service_point_id, obis FROM point_channel
WHERE service_point_id = ANY(%(points)s) ORDER BY id

-- name: channels_of_names
SELECT point_channel.id, service_point.name, point_channel.obis
FROM point_channel JOIN service_point ON service_point.id = point_channel.service_point_id
WHERE service_point.name = ANY(%(points)s) ORDER BY point_channel.id

-- name: month
-- The newest version of each day, the days of one channel and shape end to end. All columns of a
-- row hold the days in one order, whichever it is.
SELECT
    channel_id, period_s, exponent, zone, unit,
    string_agg(date_send(day), ''), string_agg(timestamptz_send(start_at), ''),
    string_agg(int4send(version), ''), string_agg(int4send(length(quality)), ''),
    string_agg(consumption, ''), string_agg(quality, ''), string_agg(sha256, '')
FROM (
    SELECT DISTINCT ON (channel_id, day) *
    FROM day_block
    WHERE channel_id = ANY(%(channels)s) AND day >= %(first)s AND day < %(end)s
    ORDER BY channel_id, day, version DESC
) AS newest
GROUP BY channel_id, period_s, exponent, zone, unit
ORDER BY channel_id

-- name: critical
SELECT channel_id, code, message, from_at FROM vee_finding
WHERE channel_id = ANY(%(channels)s) AND day >= %(first)s AND day < %(end)s
    AND closed_at IS NULL AND severity = 'critical' AND accepted_by IS NULL
    -- Rating names missing intervals itself, and cannot be talked out of them.
    AND code <> 'MISSING_INTERVALS'
ORDER BY channel_id, day, from_at, code

-- name: conflicts
SELECT point_channel.service_point_id, conflict.at
FROM point_channel
JOIN installation ON installation.service_point_id = point_channel.service_point_id
JOIN channel ON channel.meter_id = installation.meter_id AND channel.obis = point_channel.obis
JOIN conflict ON conflict.channel_id = channel.id AND conflict.decided_at IS NULL
    AND conflict.at >= lower(installation.during)
    AND conflict.at <= coalesce(upper(installation.during), 'infinity')
WHERE point_channel.service_point_id = ANY(%(points)s)
    AND conflict.at BETWEEN %(from_at)s AND %(until_at)s
ORDER BY point_channel.service_point_id, conflict.at

-- name: holes
-- Points whose readings came through a gateway of which something never arrived.
SELECT DISTINCT installation.service_point_id, finding.code, gateway.name
FROM installation
JOIN meter ON meter.id = installation.meter_id
JOIN gateway ON gateway.id = meter.gateway_id
JOIN finding ON finding.gateway_id = gateway.id AND finding.closed_at IS NULL
    AND finding.code = ANY(%(codes)s)
WHERE installation.service_point_id = ANY(%(points)s)
    AND installation.during && tstzrange(%(from_at)s, %(until_at)s)
ORDER BY 1, 2, 3

-- name: opening
SELECT DISTINCT ON (bill_part.agreement_id) bill_part.agreement_id, bill_part.closing
FROM bill_part JOIN bill ON bill.id = bill_part.bill_id
WHERE bill_part.agreement_id = ANY(%(agreements)s) AND bill_part.end_day <= %(first)s
    AND bill.state NOT IN ('held', 'discarded')
    AND NOT EXISTS (SELECT FROM bill AS later WHERE later.cancels = bill.id)
ORDER BY bill_part.agreement_id, bill_part.end_day DESC, bill_part.bill_id DESC

-- name: meters
-- Registers that were installed while the cycle ran, with what was written down of them.
SELECT
    point_channel.service_point_id, point_channel.id, point_channel.obis, point_channel.unit,
    meter.id, meter.serial, lower(installation.during), upper(installation.during),
    multiplier_numerator, multiplier_denominator, register.opening, register.closing
FROM point_channel
JOIN installation ON installation.service_point_id = point_channel.service_point_id
    AND installation.during && tstzrange(%(from_at)s, %(until_at)s)
JOIN meter ON meter.id = installation.meter_id
LEFT JOIN installation_register AS register
    ON register.installation_id = installation.id AND register.obis = point_channel.obis
WHERE point_channel.service_point_id = ANY(%(points)s)
ORDER BY point_channel.service_point_id, point_channel.id, lower(installation.during)

-- name: reads
-- What each register showed at an instant, as validation snaps it: the meter's own profile first.
SELECT DISTINCT ON (wanted.number)
    wanted.number, reading.mantissa, reading.exponent
FROM unnest(%(numbers)s::integer[], %(meters)s::bigint[], %(obis)s::bytea[], %(at)s::timestamptz[])
    AS wanted (number, meter_id, obis, at)
JOIN channel ON channel.meter_id = wanted.meter_id AND channel.obis = wanted.obis
    AND channel.kind = 0
JOIN reading ON reading.channel_id = channel.id
    AND reading.at BETWEEN wanted.at - interval '10 seconds' AND wanted.at + interval '10 seconds'
    -- Neither unsynchronised nor suspect.
    AND reading.flags >> 4 <> 2 AND reading.flags & 15 <> 2
ORDER BY
    wanted.number, channel.source DESC,
    greatest(reading.at - wanted.at, wanted.at - reading.at), reading.revision DESC

-- name: existing
SELECT account_id, id, uid, state, sha256 FROM bill
WHERE account_id = ANY(%(accounts)s) AND cycle = %(cycle)s AND run_type = %(run_type)s
    AND revision = 0

-- name: next_ids
SELECT nextval('bill_id_seq') FROM generate_series(1, %(count)s)

-- name: add_bills
COPY bill (
    id, uid, run_id, account_id, cycle, run_type, revision, state, holds, first_day, end_day,
    currency, total, kwh, validated_kwh, sha256, document, creator, made_at,
    contributors
) FROM STDIN

-- name: change_bill
UPDATE bill SET
    state = %(state)s, holds = %(holds)s, first_day = %(first_day)s, end_day = %(end_day)s,
    currency = %(currency)s, total = %(total)s, kwh = %(kwh)s, validated_kwh = %(validated_kwh)s,
    sha256 = %(sha256)s, document = %(document)s, made_at = %(made_at)s,
    contributors = CASE
        WHEN %(creator)s = ANY(contributors) THEN contributors
        ELSE contributors || %(creator)s::text
    END
WHERE id = %(id)s

-- name: run_again
-- Drafts that say the same as before; who ran them has looked at them all the same.
UPDATE bill SET contributors = contributors || %(creator)s::text
WHERE id = ANY(%(bills)s) AND %(creator)s <> ALL(contributors)

-- name: drop_lines
DELETE FROM bill_line WHERE bill_id = ANY(%(bills)s)

-- name: drop_parts
DELETE FROM bill_part WHERE bill_id = ANY(%(bills)s)

-- name: add_lines
COPY bill_line (
    bill_id, number, service_point, charge, kind, name, label, quantity, unit, price, amount,
    lineage
) FROM STDIN

-- name: add_parts
COPY bill_part (
    bill_id, agreement_id, first_day, end_day, closing, point_revision, account_revision,
    tariff_revision, settings_revision, series_revisions
) FROM STDIN

-- name: heads
SELECT
    bill.uid, account.number, bill.state, bill.holds, bill.currency, bill.total, bill.kwh
FROM bill JOIN account ON account.id = bill.account_id
WHERE bill.run_id = %(run)s AND (%(state)s::text IS NULL OR bill.state = %(state)s)
ORDER BY account.number, bill.revision
LIMIT %(limit)s

-- name: states
SELECT state, count(*) FROM bill WHERE run_id = %(run)s GROUP BY state

-- name: totals
SELECT currency, sum(total), sum(kwh), sum(validated_kwh) FROM bill
WHERE run_id = %(run)s AND state NOT IN ('held', 'discarded')
GROUP BY currency ORDER BY currency

-- name: charges
SELECT bill_line.charge, bill_line.name, bill.currency, count(*), sum(bill_line.amount)
FROM bill JOIN bill_line ON bill_line.bill_id = bill.id
WHERE bill.run_id = %(run)s AND bill.state NOT IN ('held', 'discarded')
GROUP BY bill_line.charge, bill_line.name, bill.currency
ORDER BY bill.currency, min(bill_line.number), bill_line.charge

-- name: bill
SELECT
    bill.id, bill.uid, bill_run.uid, bill.document, bill.state, bill.sha256, bill.kwh,
    bill.creator, bill.made_at, bill.approver, bill.issued_at, bill.series, bill.legal_number,
    bill.issue, bill.content_sha256, bill.contributors
FROM bill JOIN bill_run ON bill_run.id = bill.run_id
WHERE bill.uid = %(uid)s

-- name: lines
SELECT number, service_point, lineage FROM bill_line WHERE bill_id = %(bill)s ORDER BY number

-- name: approve
UPDATE bill SET state = 'approved', approver = %(approver)s, approved_at = %(at)s
WHERE uid = ANY(%(uids)s) AND state = 'draft' AND creator <> %(approver)s

-- name: withdraw
UPDATE bill SET state = 'draft', approver = NULL, approved_at = NULL
WHERE uid = ANY(%(uids)s) AND state = 'approved'

-- name: beyond_ascii
-- JSON writes what is no printable ASCII in several bytes or behind a backslash.
SELECT uid FROM bill
WHERE uid = ANY(%(uids)s) AND (
    octet_length(document::text) <> length(document::text) OR document::text ~ '\\[bfnrtu]'
    OR EXISTS (
        SELECT FROM bill_line
        WHERE bill_id = bill.id AND (
            octet_length(lineage::text) <> length(lineage::text) OR lineage::text ~ '\\[bfnrtu]'
        )
    )
)
