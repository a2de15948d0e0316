-- Version 20.
-- Configurations that gates were told to work by, and who said so. Ids ascend with time.
CREATE TABLE config_command (
    gate     TEXT NOT NULL REFERENCES gate,
    command  BLOB NOT NULL CHECK (length(command) = 16),
    toml     TEXT NOT NULL,
    prove_ms INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    person   TEXT NOT NULL,
    made_ms  INTEGER NOT NULL,
    PRIMARY KEY (gate, command)
) STRICT;

-- What became of them, as the gates' chains have it.
CREATE TABLE config_change (
    gate        TEXT NOT NULL REFERENCES gate,
    seq         INTEGER NOT NULL,
    at_ms       INTEGER NOT NULL,
    command     BLOB NOT NULL CHECK (length(command) = 16),
    outcome     TEXT NOT NULL CHECK (outcome IN ('live', 'refused', 'rolled-back', 'set-aside')),
    in_force    BLOB NOT NULL CHECK (length(in_force) = 32),
    why         TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (gate, seq)
) STRICT;
