-- Versions of the schema that processes of the release before can work with too. A migration says
-- so itself, by a row with its own number; where it is silent, they are refused.
CREATE TABLE release_beside (
    version integer PRIMARY KEY
);
INSERT INTO release_beside (version) VALUES (68);
