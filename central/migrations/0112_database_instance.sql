-- Which server and database the rows were in when somebody looked last: in a restored or copied database they are in
-- another. There is no row until a process or a backup has looked. Processes of the release before look at none, and
-- work beside this one.
CREATE TABLE database_instance (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    -- What the server says of itself, and the database's oid in it.
    system bigint NOT NULL,
    database bigint NOT NULL,
    -- In hex, as in the names of the log's files; another one begins where a log was replayed, or a standby promoted.
    timeline text NOT NULL,
    seen_at timestamptz NOT NULL,
    -- Since when the whole server is being copied: in the copy it stays.
    copying_since timestamptz
);
INSERT INTO release_beside (version) VALUES (112);
