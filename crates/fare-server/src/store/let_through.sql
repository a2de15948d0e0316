-- Version 15.
-- Whom gates let through because staff said so, as their chains have it. Nobody is charged for it.
CREATE TABLE let_through (
    gate        TEXT NOT NULL REFERENCES gate,
    seq         INTEGER NOT NULL,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    at_ms       INTEGER NOT NULL,
    direction   TEXT NOT NULL CHECK (direction IN ('entry', 'exit')),
    command     BLOB CHECK (command IS NULL OR length(command) = 16),
    reason      TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (gate, seq)
) STRICT;
CREATE INDEX let_through_at ON let_through (gate, at_ms);
CREATE INDEX let_through_command_done ON let_through (gate, command) WHERE command IS NOT NULL;

-- Whom gates were told to let through, by whom of the staff.
CREATE TABLE let_through_command (
    gate      TEXT NOT NULL REFERENCES gate,
    command   BLOB NOT NULL CHECK (length(command) = 16),
    direction TEXT NOT NULL CHECK (direction IN ('entry', 'exit')),
    reason    TEXT NOT NULL,
    issuer    TEXT NOT NULL,
    person    TEXT NOT NULL,
    via       TEXT NOT NULL CHECK (via IN ('page', 'command')),
    made_ms   INTEGER NOT NULL,
    until_ms  INTEGER NOT NULL,
    PRIMARY KEY (gate, command)
) STRICT;
CREATE INDEX let_through_command_made ON let_through_command (made_ms);
CREATE INDEX let_through_command_person ON let_through_command (issuer, person, made_ms);
