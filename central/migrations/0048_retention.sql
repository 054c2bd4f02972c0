-- The nightly job finds what is expired, and no more.
CREATE INDEX quarantine_released ON quarantine (released_at) WHERE released_at IS NOT NULL;
CREATE INDEX finding_closed ON finding (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX vee_finding_closed ON vee_finding (closed_at)
WHERE closed_at IS NOT NULL AND accepted_by IS NULL;
