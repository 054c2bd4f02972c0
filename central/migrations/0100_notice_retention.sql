-- Notices that were told, or could not be, go when they are old, with their deliveries and attempts.
CREATE INDEX notice_sorted ON notice (at, id) WHERE sorted_at IS NOT NULL;

INSERT INTO release_beside (version) VALUES (100);
