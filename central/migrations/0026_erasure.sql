-- What is personal of an account is erased by law: in the registry, in its revisions, and in what the
-- audit log refers to. The log's rows, their seals, issued bills and documents stay as they are.
ALTER TABLE account ADD COLUMN erased_at timestamptz;

-- How many personal values of the log are gone; NULL where there is no such account, or no more.
CREATE FUNCTION erase_account(wanted text, at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    gone integer;
BEGIN
    UPDATE account SET name = 'erased', address = '{}', tax_id = '', contact = '', erased_at = at
    WHERE number = wanted AND erased_at IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE registry_revision SET personal = NULL
    WHERE kind = 'account' AND subject = wanted AND personal IS NOT NULL;
    DELETE FROM personal_value USING audit_log
    WHERE personal_value.about = wanted AND audit_log.subject = wanted
        AND audit_log.action LIKE 'account.%'
        AND audit_log.detail -> 'personal' ? personal_value.uid::text;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION erase_account FROM PUBLIC;
