-- Charges and credits that are posted to an account once, as for a service order: a bill takes each as a
-- line of its own, with the taxes of the tariff that it names.
ALTER TABLE ledger_entry
    DROP CONSTRAINT ledger_entry_kind_check,
    DROP CONSTRAINT ledger_entry_check2,
    -- As the invoice prints it.
    ADD COLUMN title text CHECK (title <> ''),
    ADD COLUMN taxes text [] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT ledger_entry_kind_check CHECK (
        kind IN ('pay_in', 'grant', 'payment', 'refund', 'expiry', 'charge', 'credit')
    ),
    ADD CONSTRAINT ledger_entry_of_point CHECK (
        service_point_id IS NULL OR bank IS NOT NULL OR title IS NOT NULL
    ),
    ADD CONSTRAINT ledger_entry_title CHECK ((kind IN ('charge', 'credit')) = (title IS NOT NULL));
