-- A part replaces one of the same days of the bill that its own replaces.
CREATE FUNCTION rebilled_part_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM bill
        JOIN bill_part AS replaced ON replaced.id = NEW.replaces_part AND replaced.bill_id = bill.replaces
        WHERE bill.id = NEW.bill_id AND bill.decision IS NOT NULL
            AND (replaced.occupancy_id, replaced.first_day, replaced.end_day)
            = (NEW.occupancy_id, NEW.first_day, NEW.end_day)
    ) THEN
        RAISE EXCEPTION 'part % is not of the bill that bill % replaces', NEW.replaces_part, NEW.bill_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER rebilled_part_added BEFORE INSERT ON bill_part
FOR EACH ROW WHEN (NEW.replaces_part IS NOT NULL) EXECUTE FUNCTION rebilled_part_guard();

-- Once it is issued, its parts hold the days of those that they replace, which are cancelled: seen
-- when all is done.
CREATE FUNCTION rebill_takes_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM bill_part
        WHERE bill_part.bill_id = NEW.id AND NOT (
            bill_part.replaces_part IS NOT NULL
            AND EXISTS (SELECT FROM cancelled_part WHERE part_id = bill_part.replaces_part)
            AND EXISTS (
                SELECT FROM billed_period
                WHERE billed_period.occupancy_id = bill_part.occupancy_id
                    AND billed_period.part_id = bill_part.id
            )
        )
    ) THEN
        RAISE EXCEPTION 'bill % is issued without what it replaces being cancelled', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER rebill_issued AFTER UPDATE ON bill
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (
    NEW.decision IS NOT NULL AND NEW.cancels IS NULL AND NEW.state = 'issued' AND OLD.state <> 'issued'
)
EXECUTE FUNCTION rebill_takes_claims();
