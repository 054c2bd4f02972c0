-- A bill is made again as of a time with the limits that were known then.
INSERT INTO knowledge_rule (relation, kind, known) VALUES
('correction_limit', 'recorded', 'recorded_at <= as_of()');
