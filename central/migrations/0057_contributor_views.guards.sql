GRANT SELECT ON bill_contributor TO meterline_app;

-- As before; asked of the view, whose plan is kept from bill to bill.
CREATE OR REPLACE FUNCTION bill_contributors_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    listed record;
BEGIN
    IF NEW.creator <> OLD.creator OR NOT NEW.contributors @> OLD.contributors THEN
        RAISE EXCEPTION 'bill % keeps its creator and contributors', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'approved' AND OLD.state <> 'approved' THEN
        FOR listed IN
            SELECT actor, min(what) AS what FROM bill_contributor WHERE bill_id = OLD.id GROUP BY actor
        LOOP
            IF listed.actor = NEW.approver THEN
                RAISE EXCEPTION 'bill % is not approved by somebody who %', OLD.id, listed.what
                    USING ERRCODE = 'restrict_violation';
            END IF;
            IF listed.actor <> ALL(NEW.contributors) THEN
                NEW.contributors := NEW.contributors || listed.actor;
            END IF;
        END LOOP;
    END IF;
    RETURN NEW;
END
$$;
