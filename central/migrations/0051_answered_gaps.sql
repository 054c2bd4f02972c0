-- Holes that were answered for, by the batches that they are of: none is raised again.
CREATE INDEX finding_answered_gap ON finding (key) WHERE code = 'GAP' AND closed_at IS NOT NULL;
