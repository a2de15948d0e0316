-- Version 13.
-- Who may become a gate: what a ticket's secret must hash to, until when, and which keys used it.
CREATE TABLE invitation (
    secret_hash BLOB PRIMARY KEY CHECK (length(secret_hash) = 32),
    gate        TEXT NOT NULL,
    station     TEXT NOT NULL,
    line        TEXT NOT NULL,
    config      TEXT NOT NULL,
    made_ms     INTEGER NOT NULL,
    until_ms    INTEGER NOT NULL,
    used_ms     INTEGER,
    record_key  BLOB CHECK (record_key IS NULL OR length(record_key) = 32),
    tls_key     BLOB CHECK (tls_key IS NULL OR length(tls_key) = 32),
    CHECK ((used_ms IS NULL) = (record_key IS NULL) AND (used_ms IS NULL) = (tls_key IS NULL))
) STRICT;

CREATE INDEX invitation_gate ON invitation (gate);
