-- Version 6: tables of fares: drafts until two different people have released them. Nothing here is ever changed.

CREATE TABLE fare_table (
    hash     BLOB PRIMARY KEY CHECK (length(hash) = 16),
    name     TEXT NOT NULL,
    tariff   TEXT NOT NULL,
    stations TEXT NOT NULL,
    person   TEXT NOT NULL,
    made_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE fare_release (
    hash    BLOB NOT NULL REFERENCES fare_table,
    -- One person is one person, in whatever case the name is written: looked at before it is added.
    person  TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    PRIMARY KEY (hash, person)
) STRICT;

CREATE TRIGGER fare_table_update BEFORE UPDATE ON fare_table
BEGIN SELECT RAISE(ABORT, 'a table of fares is final; import another'); END;
CREATE TRIGGER fare_table_delete BEFORE DELETE ON fare_table
BEGIN SELECT RAISE(ABORT, 'a table of fares is final; import another'); END;
CREATE TRIGGER fare_release_update BEFORE UPDATE ON fare_release
BEGIN SELECT RAISE(ABORT, 'a release is final; import another table'); END;
CREATE TRIGGER fare_release_delete BEFORE DELETE ON fare_release
BEGIN SELECT RAISE(ABORT, 'a release is final; import another table'); END;
