-- Version 15: let_through.sql in PostgreSQL's words.
CREATE TABLE let_through (
    gate        TEXT COLLATE "C" NOT NULL REFERENCES gate,
    seq         BIGINT NOT NULL,
    id          BYTEA NOT NULL CHECK (octet_length(id) = 16),
    at_ms       BIGINT NOT NULL,
    direction   TEXT NOT NULL CHECK (direction IN ('entry', 'exit')),
    command     BYTEA CHECK (command IS NULL OR octet_length(command) = 16),
    reason      TEXT NOT NULL,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (gate, seq)
);
CREATE INDEX let_through_at ON let_through (gate, at_ms);
CREATE INDEX let_through_command_done ON let_through (gate, command) WHERE command IS NOT NULL;

CREATE TABLE let_through_command (
    gate      TEXT COLLATE "C" NOT NULL REFERENCES gate,
    command   BYTEA NOT NULL CHECK (octet_length(command) = 16),
    direction TEXT NOT NULL CHECK (direction IN ('entry', 'exit')),
    reason    TEXT NOT NULL,
    issuer    TEXT NOT NULL,
    person    TEXT NOT NULL,
    via       TEXT NOT NULL CHECK (via IN ('page', 'command')),
    made_ms   BIGINT NOT NULL,
    until_ms  BIGINT NOT NULL,
    PRIMARY KEY (gate, command)
);
CREATE INDEX let_through_command_made ON let_through_command (made_ms);
CREATE INDEX let_through_command_person ON let_through_command (issuer, person, made_ms);
