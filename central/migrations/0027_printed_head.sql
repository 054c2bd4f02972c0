-- The last day of issue on which a document of a series printed the head of the audit log.
ALTER TABLE bill_series ADD COLUMN printed_on date;
