-- Version 10: an exit that names its entry stands right behind that, whenever it was made. `at_ms` is the time by which
-- a tap is ordered: its own, or that of the entry it names; `place` orders those of one time: the tap's id, or the
-- entry's id with the exit's own time and id after it.
ALTER TABLE tap ADD COLUMN place BLOB;
UPDATE tap SET place = id;
DROP INDEX tap_place;
DROP INDEX tap_at;
CREATE INDEX tap_place ON tap (account, at_ms, place) WHERE has_place = 1;
CREATE INDEX tap_at ON tap (account, at_ms, place);
