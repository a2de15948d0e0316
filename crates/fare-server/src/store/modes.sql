-- Version 7.
-- Every change of a gate's modes, as its chain has it. The newest by the chain is what it is in.
CREATE TABLE mode_change (
    gate        TEXT NOT NULL REFERENCES gate,
    seq         INTEGER NOT NULL,
    at_ms       INTEGER NOT NULL,
    entry       TEXT NOT NULL,
    exit        TEXT NOT NULL,
    source      TEXT NOT NULL CHECK (source IN ('staff', 'server', 'fire')),
    command     BLOB CHECK (command IS NULL OR length(command) = 16),
    reason      TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (gate, seq)
) STRICT;

-- What gates were told to be in, and who said so. Ids ascend with time.
CREATE TABLE mode_command (
    gate    TEXT NOT NULL REFERENCES gate,
    command BLOB NOT NULL CHECK (length(command) = 16),
    entry   TEXT NOT NULL,
    exit    TEXT NOT NULL,
    reason  TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    PRIMARY KEY (gate, command)
) STRICT;
