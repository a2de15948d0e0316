-- Version 23: as `../completed.sql`.
CREATE TABLE completed (
    account BYTEA NOT NULL CHECK (length(account) = 16),
    tap     BYTEA NOT NULL CHECK (length(tap) = 16),
    missing TEXT NOT NULL CHECK (missing IN ('entry', 'exit')),
    station TEXT NOT NULL,
    percent BIGINT NOT NULL CHECK (percent BETWEEN 0 AND 100),
    because TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    PRIMARY KEY (account, tap)
);
