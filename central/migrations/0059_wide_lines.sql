-- The lines of the former layout are all in the new one, which is looked at before they go.
DO $$ BEGIN
    IF EXISTS (
        SELECT FROM bill_line_wide AS wide
        LEFT JOIN bill_line AS line ON line.bill_id = wide.bill_id AND line.number = wide.number
        WHERE (
            line.service_point, line.charge, line.kind, line.name, line.label, line.quantity,
            line.unit, line.price, line.amount, line.lineage
        ) IS DISTINCT FROM (
            wide.service_point, wide.charge, wide.kind, wide.name, wide.label, wide.quantity,
            wide.unit, wide.price, wide.amount, wide.lineage
        )
    ) OR (SELECT count(*) FROM past.bill_figures) < (
        SELECT count(*) FROM (
            SELECT DISTINCT bill_id, known_from, known_until FROM past.bill_line_wide
        ) AS kept
    ) THEN
        RAISE EXCEPTION 'lines of bills of the former layout are not brought over'
            USING HINT = 'Run meterline-central migrate: SQL alone cannot part them.';
    END IF;
END $$;
DROP TABLE bill_line_wide;
DROP TABLE past.bill_line_wide;
