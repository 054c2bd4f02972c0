-- Files of readings that people imported under a gateway's name. An import has an epoch of its own, made
-- of the file; what it brought is told from what the gateway sent by that.
CREATE TABLE reading_import (
    gateway_id bigint NOT NULL REFERENCES gateway,
    epoch uuid NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    imported_by text NOT NULL CHECK (imported_by <> ''),
    imported_at timestamptz NOT NULL,
    PRIMARY KEY (gateway_id, epoch)
);
-- What was imported before stands in the log.
INSERT INTO reading_import (gateway_id, epoch, sha256, imported_by, imported_at)
SELECT DISTINCT ON (gateway.id, begun.subject)
    gateway.id, begun.subject::uuid, decode(begun.detail -> 'new' ->> 'sha256', 'hex'), begun.actor,
    begun.at
FROM audit_log AS begun
JOIN gateway ON gateway.name = begun.detail -> 'new' ->> 'gateway'
WHERE begun.action = 'readings.import_begun'
    AND length(begun.detail -> 'new' ->> 'sha256') = 64
ORDER BY gateway.id, begun.subject, begun.id;

-- As before, less what was imported: a file says nothing of whether its gateway is there.
CREATE OR REPLACE VIEW gateway_seen AS
SELECT
    gateway.id,
    gateway.name,
    gateway.status,
    gateway.agent,
    gateway.backlog,
    gateway.current_epoch,
    gateway.enrolled_at,
    gateway.revoked_at,
    greatest(gateway.hello_at, gateway.status_at, max(gateway_epoch.last_at)) AS last_seen_at
FROM gateway
LEFT JOIN gateway_epoch ON gateway_epoch.gateway_id = gateway.id
    AND NOT EXISTS (
        SELECT FROM reading_import
        WHERE reading_import.gateway_id = gateway_epoch.gateway_id
            AND reading_import.epoch = gateway_epoch.epoch
    )
GROUP BY gateway.id;
INSERT INTO release_beside (version) VALUES (76);
