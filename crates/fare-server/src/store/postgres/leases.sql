-- Version 3: leases.sql in PostgreSQL's words.
CREATE TABLE lease (
    job      TEXT COLLATE "C" PRIMARY KEY,
    holder   BYTEA NOT NULL CHECK (octet_length(holder) = 16),
    until_ms BIGINT NOT NULL
);
