-- Which release made a bill, with its time zone data; NULL of bills that were made before that was
-- kept. A run rates again what another release made and nobody has approved.
ALTER TABLE bill ADD COLUMN release text;
