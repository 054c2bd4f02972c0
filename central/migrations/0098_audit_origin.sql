-- From where somebody acted: the address of who asked a page or the API, else who ran the process
-- and on which machine. Not known of rows of before, whose seals do not speak of it (form 2).
--
-- Processes of the release before make seals that leave it out, so they do not work beside this:
-- their seals are refused, and the row waits for a worker of this release.
ALTER TABLE audit_log ADD COLUMN origin text CHECK (length(origin) BETWEEN 1 AND 300);
CREATE INDEX audit_log_origin ON audit_log (origin, id) WHERE origin IS NOT NULL;
ALTER TABLE audit_seal ADD CONSTRAINT audit_seal_says_origin CHECK (form >= 3) NOT VALID;
