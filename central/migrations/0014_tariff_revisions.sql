-- A version of a tariff is corrected by another revision of the same date, and one entered by mistake
-- is withdrawn by one; none is ever changed. Those before are first revisions.
ALTER TABLE tariff_version
ADD COLUMN revision integer NOT NULL DEFAULT 1 CHECK (revision > 0),
ADD COLUMN withdrawn boolean NOT NULL DEFAULT false,
ADD COLUMN reason text,
DROP CONSTRAINT tariff_version_tariff_id_effective_key,
ADD CONSTRAINT tariff_version_is_new UNIQUE (tariff_id, effective, revision),
ADD CONSTRAINT tariff_version_says_why CHECK (reason <> '' OR revision = 1 AND NOT withdrawn);
ALTER TABLE tariff_version ALTER revision DROP DEFAULT;

-- What is in force: of each date the newest revision, where that is not withdrawn.
CREATE VIEW tariff_in_force AS
SELECT tariff_id, effective, revision, document, sha256, currency, added_at, added_by, reason
FROM (
    SELECT DISTINCT ON (tariff_id, effective) * FROM tariff_version
    ORDER BY tariff_id, effective, revision DESC
) AS newest
WHERE NOT withdrawn;
