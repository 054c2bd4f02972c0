-- An agreement or an installation that was entered by mistake is withdrawn: it holds at no time, and
-- the time that it was entered for stays beside. What asks by time finds it no more.
ALTER TABLE agreement
ADD COLUMN withdrawn daterange,
DROP CONSTRAINT agreement_during_check,
ADD CONSTRAINT agreement_holds_or_is_withdrawn CHECK (isempty(during) = (withdrawn IS NOT NULL)),
ADD CHECK (NOT isempty(withdrawn));

ALTER TABLE installation
ADD COLUMN withdrawn tstzrange,
DROP CONSTRAINT installation_during_check,
ADD CONSTRAINT installation_holds_or_is_withdrawn CHECK (
    CASE WHEN withdrawn IS NULL
    THEN NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)
    ELSE isempty(during) END
),
ADD CHECK (NOT isempty(withdrawn));
