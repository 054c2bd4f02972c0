-- A run may be narrowed to a group or an account, which is part of what makes it the run it is.
ALTER TABLE bill_run
ADD COLUMN scope jsonb NOT NULL DEFAULT '{}',
DROP CONSTRAINT bill_run_cycle_run_type_key,
ADD UNIQUE (cycle, run_type, scope);
