-- name: next_ids
SELECT nextval('bill_id_seq') FROM generate_series(1, %(count)s)

-- name: add_bills
COPY bill (
    id, uid, run_id, account_id, cycle, run_type, revision, state, holds, first_day, end_day,
    currency, total, kwh, validated_kwh, sha256, document, creator, made_at,
    contributors, release, replaces
) FROM STDIN

-- name: change_bill
UPDATE bill SET
    state = %(state)s, holds = %(holds)s, first_day = %(first_day)s, end_day = %(end_day)s,
    currency = %(currency)s, total = %(total)s, kwh = %(kwh)s, validated_kwh = %(validated_kwh)s,
    sha256 = %(sha256)s, document = %(document)s, made_at = %(made_at)s,
    release = %(release)s, revision = %(revision)s, replaces = %(replaces)s,
    contributors = CASE
        WHEN %(creator)s = ANY(contributors) THEN contributors
        ELSE contributors || %(creator)s::text
    END
WHERE id = %(id)s

-- name: run_again
-- Drafts that say the same as before; who ran them has looked at them all the same.
UPDATE bill SET
    release = %(release)s,
    contributors = CASE
        WHEN %(creator)s = ANY(contributors) THEN contributors
        ELSE contributors || %(creator)s::text
    END
WHERE id = ANY(%(bills)s)
    AND (%(creator)s <> ALL(contributors) OR release IS DISTINCT FROM %(release)s)

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
    id, bill_id, occupancy_id, agreement_id, first_day, end_day, state_from, opening_sha256,
    closing_sha256, closing, settles, line_numbers, replaces_part, point_revision, account_revision, tariff_revision,
    settings_revision, series_revisions, days_read, other_tariff_revisions, holiday_revisions,
    not_metered, looks_back_days
) FROM STDIN
