GRANT SELECT, INSERT, UPDATE ON finished_occupancy TO meterline_app;
GRANT SELECT ON left_of_occupancy, unsettled_occupancy TO meterline_app;

-- As before; a total is net and taxes, and settlements stand beside it where the bill says so.
CREATE OR REPLACE FUNCTION credit_note_mirrors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM bill_line AS mirrored
        LEFT JOIN bill_line AS line
            ON line.bill_id = NEW.cancels AND line.number = mirrored.number
        WHERE mirrored.bill_id = NEW.id AND (
            mirrored.service_point, mirrored.charge, mirrored.kind, mirrored.name, mirrored.label,
            mirrored.unit, mirrored.price, mirrored.amount, mirrored.quantity
        ) IS DISTINCT FROM (
            line.service_point, line.charge, line.kind, line.name, line.label,
            line.unit, line.price, -line.amount, -line.quantity
        )
    ) OR NEW.total IS DISTINCT FROM (
        SELECT coalesce(sum(amount), 0) FROM bill_line
        WHERE bill_id = NEW.id AND (kind <> 'settlement' OR NOT NEW.document ? 'settled')
    ) OR EXISTS (
        -- All parts at once: all lines.
        SELECT FROM bill_line AS line
        WHERE line.bill_id = NEW.cancels
            AND NOT EXISTS (
                SELECT FROM bill_line AS mirrored
                JOIN bill AS note ON note.id = mirrored.bill_id AND note.cancels = NEW.cancels
                    AND (note.id = NEW.id OR note.state = 'issued')
                WHERE mirrored.number = line.number
            )
            AND NOT EXISTS (
                SELECT FROM bill_part
                WHERE bill_part.bill_id = NEW.cancels AND NOT EXISTS (
                    SELECT FROM credited_part
                    JOIN bill AS note ON note.id = credited_part.bill_id
                        AND (note.id = NEW.id OR note.state = 'issued')
                    WHERE credited_part.part_id = bill_part.id
                )
            )
    ) THEN
        RAISE EXCEPTION 'credit note % does not mirror bill %', NEW.id, NEW.cancels
            USING ERRCODE = 'restrict_violation', HINT = 'Discard it and propose it again.';
    END IF;
    RETURN NEW;
END
$$;
