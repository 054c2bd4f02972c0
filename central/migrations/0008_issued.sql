-- What the utility, and no process, says of its invoices. A change is the next revision; on a day of
-- issue the latest effective date holds, and of one date the newest revision.
CREATE TABLE billing_settings (
    revision bigint PRIMARY KEY CHECK (revision > 0),
    effective date NOT NULL,
    document jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL CHECK (reason <> '')
);
-- What a release before this one did where no process said otherwise.
INSERT INTO billing_settings (revision, effective, document, recorded_at, actor, reason)
VALUES (
    1, '2000-01-01',
    '{"series": {"invoice": {"prefix": "INV", "width": 6, "yearly": false}}, "due_days": 14,
      "zone": null, "locale": "en", "payment_text": "", "footer_text": "",
      "template": "invoice-1"}',
    '2000-01-01 00:00:00+00', 'migration', 'the defaults of earlier releases'
);

-- What a bill is given when it is issued. `issue` is all of it; the columns are for queries.
ALTER TABLE bill
ADD COLUMN number text UNIQUE CHECK (number <> ''),
ADD COLUMN issued_on date,
ADD COLUMN due_on date,
ADD COLUMN issue jsonb,
-- Over the bill's own hash and `issue`: everything that the issued bill says.
ADD COLUMN content_sha256 bytea CHECK (length(content_sha256) = 32);

-- Bills that an earlier release issued: what it printed with its defaults is fixed, and marked so.
ALTER TABLE bill DISABLE TRIGGER bill_guarded;
UPDATE bill SET number = said.number, issued_on = said.issued_on, due_on = said.due_on
FROM (
    SELECT
        bill.id,
        bill.series || '-' || CASE
            WHEN bill.legal_number < 1000000 THEN lpad(bill.legal_number::text, 6, '0')
            ELSE bill.legal_number::text
        END AS number,
        timezone(coalesce(pg_timezone_names.name, 'UTC'), bill.issued_at)::date AS issued_on,
        timezone(coalesce(pg_timezone_names.name, 'UTC'), bill.issued_at)::date + 14 AS due_on
    FROM bill
    LEFT JOIN pg_timezone_names
        ON pg_timezone_names.name = bill.document -> 'supplies' -> 0 ->> 'zone'
    WHERE bill.state = 'issued'
) AS said
WHERE said.id = bill.id;
UPDATE bill SET issue = jsonb_build_object(
    'number', number, 'issued', issued_on::text, 'due', due_on::text, 'kind', 'invoice',
    'locale', 'en', 'payment_text', '', 'footer_text', '', 'template', 'invoice-1',
    'template_sha256', '', 'settings_revision', 0, 'fixed_by', 'migration'
)
WHERE state = 'issued';
-- The keys in order and without blanks, as the hash is made of every value.
UPDATE bill SET content_sha256 = sha256(convert_to(
    '{"bill":"' || encode(sha256, 'hex') || '","issue":{' || concat_ws(
        ',',
        '"due":' || (issue -> 'due')::text, '"fixed_by":' || (issue -> 'fixed_by')::text,
        '"footer_text":""', '"issued":' || (issue -> 'issued')::text, '"kind":"invoice"',
        '"locale":"en"', '"number":' || (issue -> 'number')::text, '"payment_text":""',
        '"settings_revision":0', '"template":"invoice-1"', '"template_sha256":""'
    ) || '}}',
    'UTF8'
))
WHERE state = 'issued';
ALTER TABLE bill ENABLE TRIGGER bill_guarded;

ALTER TABLE bill DROP CONSTRAINT bill_issued_has_number;
ALTER TABLE bill ADD CONSTRAINT bill_issued_has_facts CHECK (
    (state = 'issued') = (
        legal_number IS NOT NULL AND series IS NOT NULL AND number IS NOT NULL
        AND issued_at IS NOT NULL AND issued_on IS NOT NULL AND due_on IS NOT NULL
        AND issue IS NOT NULL AND content_sha256 IS NOT NULL
    )
);
