-- name: add_due_bill
WITH dated AS MATERIALIZED (
    SELECT
        bill.id, bill.uid, bill.number, account.number AS account, bill.currency, bill.total,
        on_day.day AS date, on_day.day + %(days)s AS day,
        bill.document -> 'supplies' -> 0 ->> 'zone' AS zone,
        EXISTS (
            SELECT FROM bill AS note WHERE note.cancels = bill.id AND note.state = 'issued'
        ) AS cancelled
    FROM bill
    JOIN account ON account.id = bill.account_id
    CROSS JOIN LATERAL (
        SELECT CASE %(column)s WHEN 'due_on' THEN bill.due_on ELSE bill.issued_on END
    ) AS on_day (day)
    WHERE bill.state = 'issued' AND bill.cancels IS NULL AND CASE %(column)s
        WHEN 'due_on' THEN bill.due_on BETWEEN %(lower)s AND %(upper)s
        ELSE bill.issued_on BETWEEN %(lower)s AND %(upper)s
    END
), told AS (
    INSERT INTO date_told (field, days, object, day)
    SELECT %(field)s, %(days)s, id, day FROM dated
    WHERE day BETWEEN (%(at)s AT TIME ZONE zone)::date - %(late)s AND (%(at)s AT TIME ZONE zone)::date
        AND day >= (%(since)s AT TIME ZONE zone)::date
    ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING object, day
)
INSERT INTO notice (kind, at, subject, facts)
SELECT 'date.reached', %(at)s, dated.number, jsonb_build_object(
    'field', %(field)s::text, 'days', %(days)s::integer, 'day', dated.day, 'date', dated.date,
    'account', dated.account, 'bill', dated.uid, 'number', dated.number,
    'currency', dated.currency, 'total', dated.total::text, 'cancelled', dated.cancelled
)
FROM told JOIN dated ON dated.id = told.object AND dated.day = told.day
ORDER BY dated.day, dated.id

-- name: add_due_agreement
WITH dated AS MATERIALIZED (
    SELECT
        agreement.id, agreement.uid, account.number AS account, service_point.name AS point,
        service_point.zone, service.name AS service, tariff.name AS tariff,
        on_day.day AS date, on_day.day + %(days)s AS day
    FROM agreement
    JOIN account ON account.id = agreement.account_id
    JOIN service_point ON service_point.id = agreement.service_point_id
    JOIN service ON service.id = agreement.service_id
    JOIN tariff ON tariff.id = agreement.tariff_id
    CROSS JOIN LATERAL (
        SELECT CASE %(column)s
            WHEN 'end' THEN upper(agreement.during) ELSE lower(agreement.during)
        END
    ) AS on_day (day)
    WHERE agreement.withdrawn IS NULL AND on_day.day BETWEEN %(lower)s AND %(upper)s
), told AS (
    INSERT INTO date_told (field, days, object, day)
    SELECT %(field)s, %(days)s, id, day FROM dated
    WHERE day BETWEEN (%(at)s AT TIME ZONE zone)::date - %(late)s AND (%(at)s AT TIME ZONE zone)::date
        AND day >= (%(since)s AT TIME ZONE zone)::date
    ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING object, day
)
INSERT INTO notice (kind, at, subject, facts)
SELECT 'date.reached', %(at)s, dated.point, jsonb_build_object(
    'field', %(field)s::text, 'days', %(days)s::integer, 'day', dated.day, 'date', dated.date,
    'account', dated.account, 'agreement', dated.uid, 'service_point', dated.point,
    'service', dated.service, 'tariff', dated.tariff
)
FROM told JOIN dated ON dated.id = told.object AND dated.day = told.day
ORDER BY dated.day, dated.id

-- name: forget
DELETE FROM date_told WHERE day < %(before)s
