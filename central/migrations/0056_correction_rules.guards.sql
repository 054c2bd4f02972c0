GRANT SELECT, INSERT ON correction_rule TO meterline_app;
GRANT UPDATE (approved_by, approved_at, withdrawn_by, withdrawn_at) ON correction_rule TO meterline_app;
GRANT SELECT ON correction_rule_in_force TO meterline_app;

-- A version keeps what it says; it is approved and withdrawn once.
CREATE FUNCTION correction_rule_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text [] := ARRAY['approved_by', 'approved_at', 'withdrawn_by', 'withdrawn_at'];
BEGIN
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided
        OR OLD.withdrawn_by IS NOT NULL
        OR OLD.approved_by IS NOT NULL AND NEW.approved_by IS DISTINCT FROM OLD.approved_by
    THEN
        RAISE EXCEPTION 'version % of rule % keeps what it says', OLD.version, OLD.name
            USING ERRCODE = 'restrict_violation', HINT = 'Enter another version.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER correction_rule_kept BEFORE UPDATE OR DELETE ON correction_rule
FOR EACH ROW EXECUTE FUNCTION correction_rule_guard();
CREATE TRIGGER correction_rule_not_emptied BEFORE TRUNCATE ON correction_rule
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- As before; what a rule decides goes by itself only while that version is in force, and where nobody
-- who stands behind it worked on what it settles.
CREATE OR REPLACE FUNCTION correction_approval_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    did text;
    people text [] := ARRAY[NEW.approved_by];
BEGIN
    IF NEW.approved_by = NEW.decided_by THEN
        SELECT ARRAY[entered_by, approved_by] INTO people FROM correction_rule_in_force
        WHERE id = NEW.rule_id AND way = NEW.way
            AND 'rule:' || name || '@' || version = NEW.decided_by;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'correction % is of no rule in force', NEW.id
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    SELECT what INTO did FROM correction_contributors(NEW.id) WHERE actor = ANY(people) LIMIT 1;
    IF did IS NOT NULL THEN
        RAISE EXCEPTION 'correction % is not approved by somebody who %', NEW.id, did
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
