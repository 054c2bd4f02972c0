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
DELETE FROM bill_figures WHERE bill_id = ANY(%(bills)s)

-- name: drop_parts
DELETE FROM bill_part WHERE bill_id = ANY(%(bills)s)

-- name: forms
SELECT sha256, id FROM line_form WHERE sha256 = ANY(%(hashes)s::bytea[])

-- name: add_forms
-- In the order of their hashes, so that those who add some at once wait in one order.
INSERT INTO line_form (
    sha256, charge, kind, name, label, unit, content, amount_at, price_at, quantity_at
)
SELECT * FROM unnest(
    %(hashes)s::bytea[], %(charge)s::text[], %(kind)s::text[], %(name)s::text[], %(label)s::text[],
    %(unit)s::text[], %(content)s::text[], %(amount_at)s::smallint[], %(price_at)s::smallint[],
    %(quantity_at)s::smallint[]
)
ORDER BY 1
ON CONFLICT (sha256) DO NOTHING

-- name: add_figures
COPY bill_figures (bill_id, forms, figures) FROM STDIN

-- name: add_parts
COPY bill_part (
    id, bill_id, occupancy_id, agreement_id, first_day, end_day, state_from, opening_sha256,
    closing_sha256, closing, settles, line_numbers, replaces_part, point_revision, account_revision, tariff_revision,
    settings_revision, series_revisions, days_read, other_tariff_revisions, holiday_revisions,
    not_metered, looks_back_days, taxed_issue, taxed_due, used, use_unit, intervals, estimated
) FROM STDIN
