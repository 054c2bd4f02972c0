-- What waits to be told stays, and an attempt as long as its delivery waits; none is ever changed.
DROP TRIGGER notice_attempt_append_only ON notice_attempt;
CREATE TRIGGER notice_attempt_unchanged BEFORE UPDATE ON notice_attempt
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE FUNCTION refuse_waiting_drop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM notice_delivery WHERE notice_delivery.id = OLD.delivery_id AND state = 'waiting'
    ) THEN
        RAISE EXCEPTION 'delivery % waits: its attempts are kept', OLD.delivery_id
            USING ERRCODE = 'restrict_violation', HINT = 'Leave it to the nightly job.';
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER notice_attempt_kept BEFORE DELETE ON notice_attempt
FOR EACH ROW EXECUTE FUNCTION refuse_waiting_drop();
CREATE TRIGGER notice_delivery_kept BEFORE DELETE ON notice_delivery
FOR EACH ROW WHEN (OLD.state = 'waiting') EXECUTE FUNCTION refuse_open_drop();
CREATE TRIGGER notice_kept BEFORE DELETE ON notice
FOR EACH ROW WHEN (OLD.sorted_at IS NULL) EXECUTE FUNCTION refuse_open_drop();
GRANT DELETE ON notice, notice_delivery, notice_attempt TO meterline_app;
