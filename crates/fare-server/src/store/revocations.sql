-- Version 16.
-- Gates that are believed no longer, by the key that signs their records. A gate that enrols anew makes another.
CREATE TABLE revocation (
    gate   TEXT NOT NULL REFERENCES gate,
    key    BLOB NOT NULL CHECK (length(key) = 32),
    at_ms  INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (gate, key)
) STRICT;
