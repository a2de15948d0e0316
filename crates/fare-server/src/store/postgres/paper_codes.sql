-- Version 21: paper_codes.sql in PostgreSQL's words.
CREATE TABLE paper_code (
    account       BYTEA PRIMARY KEY CHECK (octet_length(account) = 16),
    class         TEXT NOT NULL,
    minor         BIGINT NOT NULL CHECK (minor > 0),
    currency      TEXT NOT NULL CHECK (length(currency) = 3),
    valid_from_ms BIGINT NOT NULL,
    valid_until_ms BIGINT NOT NULL CHECK (valid_until_ms > valid_from_ms),
    made_ms       BIGINT NOT NULL,
    made_by       TEXT NOT NULL,
    ended_ms      BIGINT
);
CREATE INDEX paper_code_ended ON paper_code (valid_until_ms) WHERE ended_ms IS NOT NULL;
