-- Version 25: phones whose ride codes gates refuse, whatever account is in them.
CREATE TABLE denied_key (
    key      BLOB PRIMARY KEY CHECK (length(key) = 32),
    since_ms INTEGER NOT NULL,
    person   TEXT NOT NULL,
    reason   TEXT NOT NULL
) STRICT;
