-- Version 8: staff.sql in PostgreSQL's words.
CREATE TABLE staff (
    person   TEXT COLLATE "C" PRIMARY KEY,
    password TEXT NOT NULL,
    roles    TEXT NOT NULL,
    made_ms  BIGINT NOT NULL,
    ended_ms BIGINT
);
CREATE TABLE staff_session (
    token    BYTEA PRIMARY KEY CHECK (octet_length(token) = 32),
    issuer   TEXT COLLATE "C" NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    roles    TEXT NOT NULL,
    made_ms  BIGINT NOT NULL,
    until_ms BIGINT NOT NULL
);
CREATE INDEX staff_session_subject ON staff_session (issuer, subject);
CREATE INDEX staff_session_until ON staff_session (until_ms);
CREATE TABLE audit (
    audit  BYTEA PRIMARY KEY CHECK (octet_length(audit) = 16),
    at_ms  BIGINT NOT NULL,
    issuer TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    via    TEXT NOT NULL CHECK (via IN ('page', 'command')),
    what   TEXT COLLATE "C" NOT NULL,
    about  TEXT NOT NULL,
    why    TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at_ms, audit);
CREATE TRIGGER audit_final BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION refuse('what staff did is final');
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION refuse('what staff did is final');
CREATE TABLE staff_answer (
    person  TEXT COLLATE "C" NOT NULL,
    key     TEXT COLLATE "C" NOT NULL,
    request BYTEA NOT NULL CHECK (octet_length(request) = 32),
    answer  TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    PRIMARY KEY (person, key)
);
CREATE INDEX staff_answer_made ON staff_answer (made_ms);
