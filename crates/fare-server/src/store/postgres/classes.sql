-- Version 19: classes.sql in PostgreSQL's words.
CREATE TABLE class_proof (
    account  BYTEA NOT NULL CHECK (octet_length(account) = 16),
    proof_id BYTEA NOT NULL CHECK (octet_length(proof_id) = 16),
    class    TEXT COLLATE "C" NOT NULL CHECK (class IN ('child', 'student', 'senior', 'disabled', 'staff')),
    proof    TEXT NOT NULL,
    made_ms  BIGINT NOT NULL,
    until_ms BIGINT NOT NULL CHECK (until_ms > made_ms),
    person   TEXT NOT NULL,
    ended_ms BIGINT,
    PRIMARY KEY (account, proof_id)
);
CREATE INDEX class_proof_made ON class_proof (made_ms);
