-- name: tables
-- Ours: what TimescaleDB and the queue's library keep is no promise of anybody.
SELECT pg_namespace.nspname, pg_class.relname
FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
WHERE pg_namespace.nspname IN ('public', 'past') AND pg_class.relkind IN ('r', 'p')
    AND NOT pg_class.relispartition
    AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE pg_depend.classid = 'pg_class'::regclass AND pg_depend.objid = pg_class.oid
            AND pg_depend.deptype = 'e'
    )
ORDER BY 1, 2

-- name: schema
SELECT max(version), min(flavour),
    (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')
FROM schema_migration

-- name: hash_audit
SELECT seal, audit_id, sha256 FROM audit_seal ORDER BY seal

-- name: hash_batches
SELECT gateway_id, epoch, sequence, sha256, outcome FROM batch ORDER BY gateway_id, epoch, sequence

-- name: hash_cursors
SELECT gateway_id, epoch, cum, cum_hash, high FROM gateway_epoch ORDER BY gateway_id, epoch

-- name: hash_readings
SELECT channel_id, exponent, count(*), sum(mantissa), min(at), max(at)
FROM reading GROUP BY channel_id, exponent ORDER BY channel_id, exponent

-- name: hash_blocks
SELECT channel_id, day, version, sha256 FROM day_block ORDER BY channel_id, day, version

-- name: hash_bills
SELECT id, uid, state, total, sha256, content_sha256, series, legal_number FROM bill ORDER BY id

-- name: hash_documents
SELECT bill_id, kind, sha256, sha256(content) FROM bill_document ORDER BY bill_id, kind

-- name: hash_ledger
SELECT id, key, account_id, kind, amount, currency FROM ledger_entry ORDER BY id
