GRANT SELECT, INSERT ON retention_rule, legal_hold TO meterline_app;
GRANT UPDATE (lifted_by, lifted_at, lifted_reason) ON legal_hold TO meterline_app;
GRANT SELECT ON retention_receipt TO meterline_app;
GRANT EXECUTE ON FUNCTION drop_documents, drop_signatures TO meterline_app;

CREATE TRIGGER retention_rule_append_only BEFORE UPDATE OR DELETE ON retention_rule
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER retention_receipt_append_only BEFORE UPDATE OR DELETE ON retention_receipt
FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- A hold is lifted once, and stays.
CREATE TRIGGER legal_hold_kept BEFORE DELETE ON legal_hold
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER legal_hold_lifted_once BEFORE UPDATE ON legal_hold
FOR EACH ROW WHEN (OLD.lifted_at IS NOT NULL) EXECUTE FUNCTION refuse_change();

-- Of a document nothing changes, but that its bytes go with a receipt.
CREATE FUNCTION bill_document_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.content IS NOT NULL AND NEW.content IS NULL
            AND to_jsonb(OLD) - '{content,receipt_id}'::text[] = to_jsonb(NEW) - '{content,receipt_id}'::text[]
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the document of bill % is kept', OLD.bill_id
        USING ERRCODE = 'restrict_violation', HINT = 'Retention rules say when its bytes go.';
END
$$;
DROP TRIGGER bill_document_append_only ON bill_document;
CREATE TRIGGER bill_document_append_only BEFORE UPDATE OR DELETE ON bill_document
FOR EACH ROW EXECUTE FUNCTION bill_document_guard();

-- What only comes, and goes with a receipt when its term is over.
CREATE FUNCTION refuse_change_within_term() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('meterline.deleting', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Retention rules say when rows go.';
END
$$;
DROP TRIGGER batch_signature_append_only ON batch_signature;
CREATE TRIGGER batch_signature_append_only BEFORE UPDATE OR DELETE ON batch_signature
FOR EACH ROW EXECUTE FUNCTION refuse_change_within_term();
