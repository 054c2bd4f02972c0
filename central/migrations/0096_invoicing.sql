-- What seller, accounts and service points say of their invoices. A change is the next version; at
-- issue the newest becomes part of the bill. What is personal stands apart, so that it can be erased.
CREATE TABLE invoicing_terms (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('seller', 'account', 'point')),
    name text NOT NULL CHECK ((kind = 'seller') = (name = '')),
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    personal jsonb,
    reason text NOT NULL CHECK (reason <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    UNIQUE (kind, name, version)
);

-- A document on its way to the account. Copy 0 is made with the document; each further one is asked
-- for by a person. Who is about to send claims it first, in a transaction of its own.
CREATE TABLE invoice_delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    bill_id bigint NOT NULL REFERENCES bill,
    copy integer NOT NULL CHECK (copy >= 0),
    channel text NOT NULL CHECK (channel IN ('email', 'portal', 'print')),
    target text NOT NULL,
    link boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'bounced')),
    attempts integer NOT NULL DEFAULT 0,
    detail text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    created_by text NOT NULL CHECK (created_by <> ''),
    -- When it is tried next, or until when it is claimed.
    due_at timestamptz CHECK ((state IN ('waiting', 'sending')) = (due_at IS NOT NULL)),
    ended_at timestamptz,
    UNIQUE (bill_id, copy)
);
CREATE INDEX invoice_delivery_due ON invoice_delivery (due_at, id)
WHERE state IN ('waiting', 'sending');

INSERT INTO knowledge_rule (relation, kind, known) VALUES
('invoicing_terms', 'recorded', 'recorded_at <= as_of()');

-- As before; what is personal of invoices goes as well.
CREATE OR REPLACE FUNCTION erase_account(wanted text, at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    gone integer;
BEGIN
    UPDATE account SET name = 'erased', address = '{}', tax_id = '', contact = '', erased_at = at
    WHERE number = wanted AND erased_at IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE past.account SET name = 'erased', address = '{}', tax_id = '', contact = ''
    WHERE number = wanted;
    UPDATE registry_revision SET personal = NULL
    WHERE kind = 'account' AND subject = wanted AND personal IS NOT NULL;
    UPDATE invoicing_terms SET personal = NULL
    WHERE kind = 'account' AND name = wanted AND personal IS NOT NULL;
    UPDATE invoice_delivery SET target = ''
    FROM bill JOIN account ON account.id = bill.account_id
    WHERE invoice_delivery.bill_id = bill.id AND account.number = wanted AND target <> '';
    DELETE FROM personal_value USING audit_log
    WHERE personal_value.about = wanted AND audit_log.subject = wanted
        AND audit_log.action LIKE 'account.%'
        AND audit_log.detail -> 'personal' ? personal_value.uid::text;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;
