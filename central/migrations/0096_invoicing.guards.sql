GRANT SELECT, INSERT ON invoicing_terms TO meterline_app;
GRANT SELECT, INSERT, UPDATE (state, attempts, detail, due_at, ended_at)
ON invoice_delivery TO meterline_app;
-- Only what is personal may go, where an account is erased.
CREATE TRIGGER invoicing_terms_append_only BEFORE UPDATE ON invoicing_terms FOR EACH ROW
WHEN (NEW.personal IS NOT NULL OR to_jsonb(NEW) - 'personal' <> to_jsonb(OLD) - 'personal')
EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoicing_terms_kept BEFORE DELETE ON invoicing_terms
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoicing_terms_not_emptied BEFORE TRUNCATE ON invoicing_terms
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
