-- Version 3: several servers on one database share out what is done now and then: who has a job's
-- lease does it, and another takes it over when the lease is over.
CREATE TABLE lease (
    job      TEXT PRIMARY KEY,
    holder   BLOB NOT NULL CHECK (length(holder) = 16),
    until_ms INTEGER NOT NULL
) STRICT;
