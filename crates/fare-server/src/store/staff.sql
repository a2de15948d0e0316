-- Version 8: staff accounts, their sessions, and what staff did, which is only ever added to.

CREATE TABLE staff (
    person   TEXT PRIMARY KEY,
    -- A PHC string of Argon2id.
    password TEXT NOT NULL,
    -- Names, by spaces.
    roles    TEXT NOT NULL,
    made_ms  INTEGER NOT NULL,
    -- When the account was ended; it stays for what it did.
    ended_ms INTEGER
) STRICT;

-- Who signed in: by whom they are known (`local`, or an identity provider) and as whom.
CREATE TABLE staff_session (
    -- The hash of what the browser holds.
    token    BLOB PRIMARY KEY CHECK (length(token) = 32),
    issuer   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    roles    TEXT NOT NULL,
    made_ms  INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX staff_session_subject ON staff_session (issuer, subject);
CREATE INDEX staff_session_until ON staff_session (until_ms);

CREATE TABLE audit (
    audit  BLOB PRIMARY KEY CHECK (length(audit) = 16),
    at_ms  INTEGER NOT NULL,
    issuer TEXT NOT NULL,
    person TEXT NOT NULL,
    via    TEXT NOT NULL CHECK (via IN ('page', 'command')),
    what   TEXT NOT NULL,
    about  TEXT NOT NULL,
    why    TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at_ms, audit);
CREATE TRIGGER audit_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'what staff did is final'); END;
CREATE TRIGGER audit_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'what staff did is final'); END;

-- Answers to requests of staff that carry a key of their own, so that a repeat gets the first one.
CREATE TABLE staff_answer (
    person  TEXT NOT NULL,
    key     TEXT NOT NULL,
    request BLOB NOT NULL CHECK (length(request) = 32),
    answer  TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    PRIMARY KEY (person, key)
) STRICT;
CREATE INDEX staff_answer_made ON staff_answer (made_ms);
