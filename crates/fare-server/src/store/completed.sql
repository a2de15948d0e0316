-- Version 23: what the missing ends of journeys are taken to be, and how sure that is.
CREATE TABLE completed (
    account BLOB NOT NULL CHECK (length(account) = 16),
    -- The tap whose other end is missing.
    tap     BLOB NOT NULL CHECK (length(tap) = 16),
    missing TEXT NOT NULL CHECK (missing IN ('entry', 'exit')),
    station TEXT NOT NULL,
    percent INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
    -- The clues, as JSON.
    because TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    PRIMARY KEY (account, tap)
) STRICT;
