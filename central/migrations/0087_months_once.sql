-- Months of tables are made once, also by several who need a new one at the same moment: see the files of
-- each kind of store.
INSERT INTO release_beside (version) VALUES (87);
