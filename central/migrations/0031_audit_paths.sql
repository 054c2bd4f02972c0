-- The way into the audit log by a bill that was decided with others: one row names them all.
CREATE INDEX audit_log_bills ON audit_log USING gin ((detail -> 'bills') jsonb_path_ops)
WHERE detail ? 'bills';
