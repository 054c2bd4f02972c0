-- Policies of classes judge days of channels, and bills: one table for both.
ALTER TABLE vee_policy RENAME TO class_policy;
ALTER TABLE class_policy
ADD COLUMN of text NOT NULL DEFAULT 'day' CHECK (of IN ('day', 'bill')),
DROP CONSTRAINT vee_policy_pkey,
ADD PRIMARY KEY (of, class_name, version);
ALTER TABLE class_policy ALTER COLUMN of DROP DEFAULT;
UPDATE knowledge_rule SET relation = 'class_policy' WHERE relation = 'vee_policy';
