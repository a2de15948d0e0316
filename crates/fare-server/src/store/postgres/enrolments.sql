-- Version 13: enrolments.sql in PostgreSQL's words.
CREATE TABLE invitation (
    secret_hash BYTEA PRIMARY KEY CHECK (octet_length(secret_hash) = 32),
    gate        TEXT COLLATE "C" NOT NULL,
    station     TEXT COLLATE "C" NOT NULL,
    line        TEXT COLLATE "C" NOT NULL,
    config      TEXT NOT NULL,
    made_ms     BIGINT NOT NULL,
    until_ms    BIGINT NOT NULL,
    used_ms     BIGINT,
    record_key  BYTEA CHECK (record_key IS NULL OR octet_length(record_key) = 32),
    tls_key     BYTEA CHECK (tls_key IS NULL OR octet_length(tls_key) = 32),
    CHECK ((used_ms IS NULL) = (record_key IS NULL) AND (used_ms IS NULL) = (tls_key IS NULL))
);

CREATE INDEX invitation_gate ON invitation (gate);
