-- Version 18: incidents read from gates' modes, and exits of which no entry came.
CREATE INDEX mode_change_at ON mode_change (at_ms);
CREATE INDEX mode_change_received ON mode_change (received_ms);
CREATE INDEX incident_made ON incident (made_ms);
-- Up to when what came was looked through for incidents.
CREATE TABLE incident_mark (
    name    TEXT PRIMARY KEY,
    made_ms INTEGER NOT NULL
) STRICT;
-- Exits that followed no entry, and when that costs something; forgotten once it was looked at.
CREATE TABLE exit_alone (
    account BLOB NOT NULL,
    exit    BLOB NOT NULL,
    due_ms  INTEGER NOT NULL,
    PRIMARY KEY (account, exit),
    FOREIGN KEY (account, exit) REFERENCES tap (account, id)
) STRICT;
CREATE INDEX exit_alone_due ON exit_alone (due_ms);
