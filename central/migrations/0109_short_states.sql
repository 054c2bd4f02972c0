-- A state that holds nothing is kept as an empty object; what was kept before names its members.
CREATE OR REPLACE VIEW unsettled_occupancy AS
SELECT id, account_id, ended_on
FROM left_of_occupancy AS remaining
WHERE (
    closing IS NULL OR closing NOT IN ('{}', '{"peaks": [], "credits": [], "sums": []}')
    OR own_closing NOT IN ('{}', '{"peaks": [], "credits": [], "sums": []}')
    OR EXISTS (
        SELECT FROM waiting_one_off AS waiting WHERE waiting.account_id = remaining.account_id
    )
) AND NOT EXISTS (
    SELECT FROM finished_occupancy AS finished
    WHERE finished.occupancy_id = remaining.id
        AND finished.closing_sha256 IS NOT DISTINCT FROM remaining.closing_sha256
        AND finished.own_sha256 IS NOT DISTINCT FROM remaining.own_sha256
        AND finished.account_revision = remaining.input_revision
);
