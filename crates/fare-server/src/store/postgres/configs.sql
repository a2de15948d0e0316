-- Version 20: configs.sql in PostgreSQL's words.
CREATE TABLE config_command (
    gate     TEXT COLLATE "C" NOT NULL REFERENCES gate,
    command  BYTEA NOT NULL CHECK (octet_length(command) = 16),
    toml     TEXT NOT NULL,
    prove_ms BIGINT NOT NULL,
    reason   TEXT NOT NULL,
    person   TEXT NOT NULL,
    made_ms  BIGINT NOT NULL,
    PRIMARY KEY (gate, command)
);
CREATE TABLE config_change (
    gate        TEXT COLLATE "C" NOT NULL REFERENCES gate,
    seq         BIGINT NOT NULL,
    at_ms       BIGINT NOT NULL,
    command     BYTEA NOT NULL CHECK (octet_length(command) = 16),
    outcome     TEXT NOT NULL CHECK (outcome IN ('live', 'refused', 'rolled-back', 'set-aside')),
    in_force    BYTEA NOT NULL CHECK (octet_length(in_force) = 32),
    why         TEXT NOT NULL,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (gate, seq)
);
