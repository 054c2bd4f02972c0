-- Of a bill itself only this is looked at row by row.
CREATE OR REPLACE FUNCTION bill_contributors_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.creator <> OLD.creator OR NOT NEW.contributors @> OLD.contributors THEN
        RAISE EXCEPTION 'bill % keeps its creator and contributors', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER bills_approved AFTER UPDATE ON bill REFERENCING OLD TABLE AS before NEW TABLE AS after
FOR EACH STATEMENT EXECUTE FUNCTION bills_approved_guard();
