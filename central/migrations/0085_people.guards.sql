GRANT SELECT, INSERT ON person, person_code, api_key TO meterline_app;
GRANT UPDATE (roles, group_names, account_numbers, password, disabled_at) ON person TO meterline_app;
GRANT UPDATE (used_at) ON person_code TO meterline_app;
GRANT UPDATE (seen_at, revoked_at, revoked_by) ON api_key TO meterline_app;

CREATE FUNCTION person_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' OR NEW.id <> OLD.id OR NEW.name <> OLD.name THEN
        RAISE EXCEPTION 'a person keeps their name, and is disabled instead of deleted'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER person_kept BEFORE UPDATE OR DELETE ON person
FOR EACH ROW EXECUTE FUNCTION person_guard();
CREATE TRIGGER person_never_emptied BEFORE TRUNCATE ON person
FOR EACH STATEMENT EXECUTE FUNCTION person_guard();
CREATE TRIGGER api_key_kept BEFORE DELETE ON api_key
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER api_key_never_emptied BEFORE TRUNCATE ON api_key
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Where there are people, one of them approves, by name: not a token, and nobody who is not an approver. A
-- rule that two people approved, and a job, act as before.
CREATE FUNCTION approver_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    approving text;
BEGIN
    IF TG_TABLE_NAME = 'bill' THEN
        approving := NEW.approver;
    ELSE
        approving := NEW.approved_by;
    END IF;
    IF approving IS NULL OR approving LIKE 'rule:%' OR approving LIKE 'job:%'
        OR NOT EXISTS (SELECT FROM person)
        OR EXISTS (
            SELECT FROM person
            WHERE name = approving AND disabled_at IS NULL AND 'approver' = ANY(roles)
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is not an approver', approving
        USING ERRCODE = 'restrict_violation', HINT = 'Have a person approve who has that role.';
END
$$;
CREATE TRIGGER bill_approver BEFORE UPDATE OF approver ON bill
FOR EACH ROW WHEN (NEW.approver IS DISTINCT FROM OLD.approver) EXECUTE FUNCTION approver_guard();
CREATE TRIGGER correction_approver BEFORE UPDATE OF approved_by ON correction
FOR EACH ROW WHEN (NEW.approved_by IS DISTINCT FROM OLD.approved_by)
EXECUTE FUNCTION approver_guard();
CREATE TRIGGER correction_rule_approver BEFORE UPDATE OF approved_by ON correction_rule
FOR EACH ROW WHEN (NEW.approved_by IS DISTINCT FROM OLD.approved_by)
EXECUTE FUNCTION approver_guard();
CREATE TRIGGER suppressed_period_approver BEFORE UPDATE OF approved_by ON suppressed_period
FOR EACH ROW WHEN (NEW.approved_by IS DISTINCT FROM OLD.approved_by)
EXECUTE FUNCTION approver_guard();
