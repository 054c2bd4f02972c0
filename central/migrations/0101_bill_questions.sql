-- What customers ask about lines of their bills, or dispute of them, and what a clerk answers.
CREATE TABLE bill_question (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    bill_id bigint NOT NULL REFERENCES bill,
    line integer NOT NULL CHECK (line > 0),
    kind text NOT NULL CHECK (kind IN ('question', 'dispute')),
    -- NULL once the customer's account is erased.
    question text CHECK (length(question) BETWEEN 1 AND 2000),
    asked_by text NOT NULL CHECK (asked_by <> ''),
    asked_at timestamptz NOT NULL,
    answer text CHECK (length(answer) BETWEEN 1 AND 2000),
    -- NULL while it waits.
    answered_by text CHECK (answered_by <> ''),
    answered_at timestamptz,
    CHECK (num_nulls(answered_by, answered_at) IN (0, 2)),
    CHECK (answer IS NULL OR answered_at IS NOT NULL)
);
CREATE INDEX bill_question_waits ON bill_question (id) WHERE answered_at IS NULL;
CREATE INDEX bill_question_of_bill ON bill_question (bill_id, id);

-- As before, and with the texts of questions and answers.
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
    UPDATE bill_question SET question = NULL, answer = NULL
    FROM bill JOIN account ON account.id = bill.account_id
    WHERE bill_question.bill_id = bill.id AND account.number = wanted
        AND bill_question.question IS NOT NULL;
    DELETE FROM personal_value USING audit_log
    WHERE personal_value.about = wanted AND audit_log.subject = wanted
        AND audit_log.action LIKE 'account.%'
        AND audit_log.detail -> 'personal' ? personal_value.uid::text;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;
