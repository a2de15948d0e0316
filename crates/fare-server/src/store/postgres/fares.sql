-- Version 6: fares.sql in PostgreSQL's words.
CREATE TABLE fare_table (
    hash     BYTEA PRIMARY KEY CHECK (octet_length(hash) = 16),
    name     TEXT NOT NULL,
    tariff   TEXT NOT NULL,
    stations TEXT NOT NULL,
    person   TEXT NOT NULL,
    made_ms  BIGINT NOT NULL
);
CREATE TABLE fare_release (
    hash    BYTEA NOT NULL REFERENCES fare_table,
    person  TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    PRIMARY KEY (hash, person)
);
CREATE TRIGGER fare_table_final BEFORE UPDATE OR DELETE ON fare_table
FOR EACH ROW EXECUTE FUNCTION refuse('a table of fares is final; import another');
CREATE TRIGGER fare_release_final BEFORE UPDATE OR DELETE ON fare_release
FOR EACH ROW EXECUTE FUNCTION refuse('a release is final; import another table');
