-- Version 25: denied_keys.sql in PostgreSQL's words.
CREATE TABLE denied_key (
    key      BYTEA PRIMARY KEY CHECK (octet_length(key) = 32),
    since_ms BIGINT NOT NULL,
    person   TEXT NOT NULL,
    reason   TEXT NOT NULL
);
