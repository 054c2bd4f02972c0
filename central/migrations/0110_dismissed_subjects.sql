-- A person may say that the events of a subject that wait concern nobody. It then waits no more, until something is
-- said of the subject or another event of it belongs to nobody.
ALTER TABLE subject_waiting
    ADD COLUMN dismissed_by text CHECK (dismissed_by <> ''),
    ADD COLUMN dismissed_reason text CHECK (dismissed_reason <> ''),
    ADD CHECK (num_nonnulls(dismissed_by, dismissed_reason) IN (0, 2)),
    ADD CHECK (dismissed_by IS NULL OR closed_at IS NOT NULL);
UPDATE knowledge_rule SET masked = masked || '{
    "dismissed_by": "CASE WHEN closed_at <= as_of() THEN dismissed_by END",
    "dismissed_reason": "CASE WHEN closed_at <= as_of() THEN dismissed_reason END"
}' WHERE relation = 'subject_waiting';

INSERT INTO release_beside (version) VALUES (110);
