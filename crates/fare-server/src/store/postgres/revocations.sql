-- Version 16: revocations.sql in PostgreSQL's words.
CREATE TABLE revocation (
    gate   TEXT COLLATE "C" NOT NULL REFERENCES gate,
    key    BYTEA NOT NULL CHECK (octet_length(key) = 32),
    at_ms  BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (gate, key)
);
