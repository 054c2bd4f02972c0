-- The ways that statements enter large tables: the agreements of an occupancy and of a service, and
-- the bill that cancels another.
CREATE INDEX agreement_occupancy ON agreement (occupancy_id);
CREATE INDEX agreement_service ON agreement (service_id);
CREATE INDEX bill_cancels ON bill (cancels) WHERE cancels IS NOT NULL;
