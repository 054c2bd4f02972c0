GRANT UPDATE (input_revision) ON tariff, series TO meterline_app;
GRANT SELECT, UPDATE ON common_input TO meterline_app;
GRANT UPDATE (
    point_revision, account_revision, tariff_revision, settings_revision, series_revisions
) ON bill_part TO meterline_app;

-- Inputs that were compared and found equal are noted in a bill that is not issued yet; nothing
-- else of a part ever changes.
CREATE FUNCTION bill_part_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stamp text [] := ARRAY[
        'point_revision', 'account_revision', 'tariff_revision', 'settings_revision',
        'series_revisions'
    ];
BEGIN
    IF to_jsonb(NEW) - stamp IS DISTINCT FROM to_jsonb(OLD) - stamp
        OR NOT EXISTS (SELECT FROM bill WHERE id = OLD.bill_id AND state IN ('draft', 'approved'))
    THEN
        RAISE EXCEPTION 'a part of bill % keeps what it says', OLD.bill_id
            USING ERRCODE = 'restrict_violation', HINT = 'Run the cycle again.';
    END IF;
    RETURN NEW;
END
$$;
DROP TRIGGER bill_part_kept ON bill_part;
CREATE TRIGGER bill_part_kept BEFORE UPDATE ON bill_part
FOR EACH ROW EXECUTE FUNCTION bill_part_guard();
