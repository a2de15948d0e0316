-- Version 12: closes.sql in PostgreSQL's words.
CREATE TABLE book_close (
    nth      BIGINT PRIMARY KEY CHECK (nth > 0),
    from_ms  BIGINT NOT NULL,
    until_ms BIGINT NOT NULL CHECK (until_ms > from_ms),
    postings BIGINT NOT NULL,
    digest   BYTEA NOT NULL CHECK (octet_length(digest) = 32),
    sums     TEXT NOT NULL,
    previous BYTEA NOT NULL CHECK (octet_length(previous) = 32),
    hash     BYTEA NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    person   TEXT NOT NULL,
    made_ms  BIGINT NOT NULL
);
CREATE TRIGGER book_close_final BEFORE UPDATE OR DELETE ON book_close
FOR EACH ROW EXECUTE FUNCTION refuse('a close of the books is final');
CREATE TRIGGER book_close_kept BEFORE TRUNCATE ON book_close
FOR EACH STATEMENT EXECUTE FUNCTION refuse('a close of the books is final');
