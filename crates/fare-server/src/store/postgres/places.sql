-- Version 10: places.sql in PostgreSQL's words.
ALTER TABLE tap ADD COLUMN place BYTEA;
UPDATE tap SET place = id;
DROP INDEX tap_place;
DROP INDEX tap_at;
CREATE INDEX tap_place ON tap (account, at_ms, place) WHERE has_place = 1;
CREATE INDEX tap_at ON tap (account, at_ms, place);
