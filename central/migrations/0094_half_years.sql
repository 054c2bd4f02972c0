-- Billing cycles of half a year.
ALTER TABLE billing_cycle
DROP CONSTRAINT billing_cycle_months_check,
ADD CONSTRAINT billing_cycle_months_check CHECK (months IN (1, 2, 3, 6, 12));
