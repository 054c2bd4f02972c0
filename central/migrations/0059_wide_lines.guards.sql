-- As of single lines before. Until here lines of issued bills were brought over.
CREATE TRIGGER bill_figures_added AFTER INSERT ON bill_figures REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION bill_content_guard();
CREATE TRIGGER bill_figures_removed AFTER DELETE ON bill_figures REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION bill_content_guard();

-- A line whose form is missing would be missing as well.
CREATE FUNCTION line_forms_are_there() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT unnest(forms) AS id FROM changed) AS wanted
        WHERE NOT EXISTS (SELECT FROM line_form WHERE line_form.id = wanted.id)
    ) THEN
        RAISE EXCEPTION 'a line of a bill has no form' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER bill_figures_formed AFTER INSERT ON bill_figures REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION line_forms_are_there();
