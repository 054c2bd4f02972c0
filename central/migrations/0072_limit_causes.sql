-- A limit may be of one cause, within its scope in place of that of every cause.
ALTER TABLE correction_limit
ADD COLUMN cause text CHECK (cause IN (
    'readings', 'agreement', 'fact', 'exchange', 'coefficient', 'tariff', 'holidays', 'series',
    'first bill'
)),
DROP CONSTRAINT correction_limit_group_id_effective_revision_key,
ADD UNIQUE NULLS NOT DISTINCT (group_id, cause, effective, revision);
