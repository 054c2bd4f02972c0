-- name: tariffs
SELECT DISTINCT ON (sha256) sha256, document
FROM tariff_version WHERE sha256 = ANY(%(hashes)s::bytea[])
ORDER BY sha256, id
