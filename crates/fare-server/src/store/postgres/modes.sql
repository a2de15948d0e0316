-- Version 7: modes.sql in PostgreSQL's words.
CREATE TABLE mode_change (
    gate        TEXT COLLATE "C" NOT NULL REFERENCES gate,
    seq         BIGINT NOT NULL,
    at_ms       BIGINT NOT NULL,
    entry       TEXT NOT NULL,
    exit        TEXT NOT NULL,
    source      TEXT NOT NULL CHECK (source IN ('staff', 'server', 'fire')),
    command     BYTEA CHECK (command IS NULL OR octet_length(command) = 16),
    reason      TEXT NOT NULL,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (gate, seq)
);
CREATE TABLE mode_command (
    gate    TEXT COLLATE "C" NOT NULL REFERENCES gate,
    command BYTEA NOT NULL CHECK (octet_length(command) = 16),
    entry   TEXT NOT NULL,
    exit    TEXT NOT NULL,
    reason  TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    PRIMARY KEY (gate, command)
);
