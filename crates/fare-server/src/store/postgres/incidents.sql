-- Version 18: incidents.sql in PostgreSQL's words.
CREATE INDEX mode_change_at ON mode_change (at_ms);
CREATE INDEX mode_change_received ON mode_change (received_ms);
CREATE INDEX incident_made ON incident (made_ms);
CREATE TABLE incident_mark (
    name    TEXT COLLATE "C" PRIMARY KEY,
    made_ms BIGINT NOT NULL
);
CREATE TABLE exit_alone (
    account BYTEA NOT NULL,
    exit    BYTEA NOT NULL,
    due_ms  BIGINT NOT NULL,
    PRIMARY KEY (account, exit),
    FOREIGN KEY (account, exit) REFERENCES tap (account, id)
);
CREATE INDEX exit_alone_due ON exit_alone (due_ms);
