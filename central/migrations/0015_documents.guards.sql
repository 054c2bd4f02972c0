CREATE TRIGGER document_template_append_only BEFORE UPDATE OR DELETE ON document_template
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bill_document_append_only BEFORE UPDATE OR DELETE ON bill_document
FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A document is one of an issued bill, of what it says.
CREATE FUNCTION bill_document_of_issued() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM bill
        WHERE id = NEW.bill_id AND state = 'issued' AND content_sha256 = NEW.content_sha256
    ) THEN
        RAISE EXCEPTION 'the document is not of what the issued bill % says', NEW.bill_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER bill_document_added BEFORE INSERT ON bill_document
FOR EACH ROW EXECUTE FUNCTION bill_document_of_issued();

GRANT SELECT, INSERT ON document_template, bill_document, document_job TO meterline_app;
GRANT UPDATE, DELETE ON document_job TO meterline_app;
