-- Charges and credits that were posted, and that no bill has taken.
CREATE VIEW waiting_one_off AS
SELECT entry.id, entry.account_id, entry.service_point_id, entry.day
FROM ledger_entry AS entry
WHERE entry.title IS NOT NULL
    AND NOT EXISTS (SELECT FROM ledger_use WHERE ledger_use.entry_id = entry.id)
    AND entry.amount > (
        SELECT coalesce(sum(taken.amount), 0) FROM ledger_entry AS taken
        WHERE taken.of_id = entry.id
    );

-- As before; what waits to be charged or credited once keeps an occupancy unsettled as well.
CREATE OR REPLACE VIEW unsettled_occupancy AS
SELECT id, account_id, ended_on
FROM left_of_occupancy AS remaining
WHERE (
    closing IS DISTINCT FROM '{"peaks": [], "credits": [], "sums": []}'
    OR own_closing <> '{"peaks": [], "credits": [], "sums": []}'
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
