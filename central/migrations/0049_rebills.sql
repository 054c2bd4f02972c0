-- A bill that is decided together with the cancellation of another names the part that each of its
-- parts replaces. Until it is issued it claims no day; then it takes over that part's claim.
ALTER TABLE bill_part ADD COLUMN replaces_part bigint;
CREATE INDEX bill_part_replaces ON bill_part (replaces_part) WHERE replaces_part IS NOT NULL;

-- Again, since the function was defined anew: who started the run of a bill has not worked on its
-- credit note, nor on what is issued with that.
DO $$
DECLARE
    before text := pg_get_functiondef('bill_contributors'::regproc);
BEGIN
    IF before NOT LIKE '%bill.decision IS NULL%' THEN
        EXECUTE replace(
            before, 'bill_run_starter.run_id = bill.run_id',
            'bill_run_starter.run_id = bill.run_id AND bill.decision IS NULL'
        );
    END IF;
END
$$;
