-- Version 12: the books as they were closed: a chain of hashes over all postings. Nothing here is ever changed.
CREATE TABLE book_close (
    nth      INTEGER PRIMARY KEY CHECK (nth > 0),
    from_ms  INTEGER NOT NULL,
    until_ms INTEGER NOT NULL CHECK (until_ms > from_ms),
    postings INTEGER NOT NULL,
    digest   BLOB NOT NULL CHECK (length(digest) = 32),
    -- JSON: what moved in the time, by ledger account and currency.
    sums     TEXT NOT NULL,
    previous BLOB NOT NULL CHECK (length(previous) = 32),
    hash     BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    person   TEXT NOT NULL,
    made_ms  INTEGER NOT NULL
) STRICT;
CREATE TRIGGER book_close_update BEFORE UPDATE ON book_close
BEGIN SELECT RAISE(ABORT, 'a close of the books is final'); END;
CREATE TRIGGER book_close_delete BEFORE DELETE ON book_close
BEGIN SELECT RAISE(ABORT, 'a close of the books is final'); END;
