-- At which line a bill carries an adjustment. NULL where a credit note cancels what was to be adjusted:
-- it has closed it, and no bill carries it any more.
ALTER TABLE adjustment_use ADD COLUMN line integer CHECK (line > 0);

ALTER TABLE adjustment_use DISABLE TRIGGER adjustment_use_kept;
UPDATE adjustment_use SET line = carried.number
FROM (
    SELECT adjustment_id, row_number() OVER (PARTITION BY bill_id ORDER BY adjustment_id) AS place
    FROM adjustment_use
) AS used
JOIN adjustment_use AS use ON use.adjustment_id = used.adjustment_id
JOIN (
    SELECT bill_id, number, row_number() OVER (PARTITION BY bill_id ORDER BY number) AS place
    FROM bill_line WHERE lineage ? 'adjusts'
) AS carried ON carried.bill_id = use.bill_id AND carried.place = used.place
WHERE adjustment_use.adjustment_id = used.adjustment_id;
ALTER TABLE adjustment_use ENABLE TRIGGER adjustment_use_kept;
