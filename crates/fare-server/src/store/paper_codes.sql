-- Version 21.
-- Printed codes for one journey each. Their money lies in stored value.
CREATE TABLE paper_code (
    account       BLOB PRIMARY KEY CHECK (length(account) = 16),
    class         TEXT NOT NULL,
    minor         INTEGER NOT NULL CHECK (minor > 0),
    currency      TEXT NOT NULL CHECK (length(currency) = 3),
    valid_from_ms INTEGER NOT NULL,
    valid_until_ms INTEGER NOT NULL CHECK (valid_until_ms > valid_from_ms),
    made_ms       INTEGER NOT NULL,
    made_by       TEXT NOT NULL,
    -- Since when gates refuse it because its journey is over; none when they do not.
    ended_ms      INTEGER
) STRICT;
CREATE INDEX paper_code_ended ON paper_code (valid_until_ms) WHERE ended_ms IS NOT NULL;
