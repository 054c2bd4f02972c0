-- Suppressed days are proposed by one person and approved by another; what was decided before holds. Until
-- it is approved a proposal claims no day, and what is lifted before that never held.
ALTER TABLE suppressed_period
ADD COLUMN proposed boolean NOT NULL DEFAULT false,
ADD COLUMN approved_by text,
ADD COLUMN approved_at timestamptz,
ADD CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
ADD CONSTRAINT suppression_needs_four_eyes CHECK (approved_by <> decided_by);
ALTER TABLE suppressed_period ALTER COLUMN proposed SET DEFAULT true;

UPDATE knowledge_rule SET watched = watched || '{approved_by,approved_at}'
WHERE relation = 'suppressed_period';
