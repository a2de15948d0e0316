-- Version 19: classes that staff granted upon a proof, each until its end. Who has none rides as an adult.
CREATE TABLE class_proof (
    account  BLOB NOT NULL CHECK (length(account) = 16),
    proof_id BLOB NOT NULL CHECK (length(proof_id) = 16),
    class    TEXT NOT NULL CHECK (class IN ('child', 'student', 'senior', 'disabled', 'staff')),
    -- What was shown, as the office's own files call it.
    proof    TEXT NOT NULL,
    made_ms  INTEGER NOT NULL,
    until_ms INTEGER NOT NULL CHECK (until_ms > made_ms),
    person   TEXT NOT NULL,
    -- When another took its place, or staff took it back.
    ended_ms INTEGER,
    PRIMARY KEY (account, proof_id)
) STRICT;
CREATE INDEX class_proof_made ON class_proof (made_ms);
