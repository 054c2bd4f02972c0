-- A rule may settle only what trues up estimates: readings are another, of bills that had none.
ALTER TABLE correction_rule
ADD COLUMN cause text NOT NULL DEFAULT 'any' CHECK (cause IN ('any', 'estimates'));

CREATE OR REPLACE VIEW correction_rule_in_force AS
SELECT * FROM (
    SELECT DISTINCT ON (name) * FROM correction_rule
    WHERE approved_by IS NOT NULL
    ORDER BY name, version DESC
) AS newest
WHERE withdrawn_by IS NULL;
