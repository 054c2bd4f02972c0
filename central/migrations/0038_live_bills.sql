-- Bills that stand: nobody cancelled them, and they cancel none. Whoever sums or lists what is billed
-- asks here, so that a cancellation counts everywhere or nowhere.
CREATE VIEW live_bill AS
SELECT id, account_id, state, currency, end_day, number
FROM bill
WHERE cancels IS NULL AND NOT EXISTS (SELECT FROM bill AS later WHERE later.cancels = bill.id);
