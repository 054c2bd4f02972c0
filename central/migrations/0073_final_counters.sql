-- Which transaction wrote a row of the audit log: a revision of a reading asks for its own.
ALTER TABLE audit_unsealed ADD COLUMN written_by xid8 DEFAULT pg_current_xact_id();
INSERT INTO release_beside (version) VALUES (73);
