GRANT SELECT, INSERT ON bill_question TO meterline_app;
GRANT UPDATE (answer, answered_by, answered_at) ON bill_question TO meterline_app;

-- It is answered once. What was asked and answered stays, until the texts go with the account.
CREATE FUNCTION bill_question_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    texts text [] := ARRAY['question', 'answer'];
    answers text [] := ARRAY['answer', 'answered_by', 'answered_at'];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.question IS NULL AND NEW.answer IS NULL
            AND to_jsonb(NEW) - texts = to_jsonb(OLD) - texts
        THEN
            RETURN NEW;
        END IF;
        IF OLD.answered_at IS NULL AND OLD.question IS NOT NULL AND NEW.answer IS NOT NULL
            AND to_jsonb(NEW) - answers = to_jsonb(OLD) - answers
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'question % keeps what was asked and answered', OLD.id
        USING ERRCODE = 'restrict_violation', HINT = 'Ask anew.';
END
$$;
CREATE TRIGGER bill_question_kept BEFORE UPDATE OR DELETE ON bill_question
FOR EACH ROW EXECUTE FUNCTION bill_question_guard();
CREATE TRIGGER bill_question_not_emptied BEFORE TRUNCATE ON bill_question
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
