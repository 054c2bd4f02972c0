-- What a gateway has of what it may have is counted where it grows.
CREATE INDEX finding_open_of_gateway ON finding (gateway_id) WHERE closed_at IS NULL;
CREATE INDEX batch_quarantined ON batch (gateway_id) WHERE outcome = 'quarantined';
INSERT INTO release_beside (version) VALUES (71);
