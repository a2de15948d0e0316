-- Version 24: proofs of the books, the exits that fares were earned for, and accounts of operators and refunds.

-- Postings may now be about an operator's share or money on its way back. SQLite cannot widen a table in place; the
-- foreign keys are off while this runs and are checked afterwards.
DROP TRIGGER posting_line_late;
DROP TRIGGER posting_balances;
CREATE TABLE posting_wider (
    account  BLOB NOT NULL,
    posting  BLOB NOT NULL CHECK (length(posting) = 16),
    entry    BLOB,
    conflict BLOB REFERENCES conflict,
    kind     TEXT NOT NULL CHECK (kind IN ('hold', 'capture', 'void', 'reverse', 'resolve',
                 'send', 'decline', 'settle', 'unexpected', 'refund', 'top-up', 'product-sale',
                 'product-use', 'product-return', 'product-lapse', 'product-unsold',
                 'refund-ask', 'refund-refused', 'share')),
    made_ms  INTEGER NOT NULL,
    -- The charge, the refund, the payment into stored value or the share that made it.
    charge   BLOB CHECK (length(charge) = 16),
    product  BLOB CHECK (length(product) = 16),
    PRIMARY KEY (account, posting),
    CHECK (entry IS NOT NULL OR conflict IS NOT NULL OR charge IS NOT NULL OR product IS NOT NULL),
    FOREIGN KEY (account, entry) REFERENCES journey (account, entry)
) STRICT;
INSERT INTO posting_wider
    SELECT account, posting, entry, conflict, kind, made_ms, charge, product FROM posting;
DROP TABLE posting;
ALTER TABLE posting_wider RENAME TO posting;
CREATE TABLE posting_line_wider (
    account  BLOB NOT NULL,
    posting  BLOB NOT NULL,
    line     INTEGER NOT NULL,
    ledger   TEXT NOT NULL CHECK (ledger IN ('rider', 'held', 'fare-revenue', 'charging', 'debt',
                 'alipay', 'wechat', 'stored-value', 'cash', 'suspense', 'prepaid', 'lapsed', 'refunds',
                 'operator')),
    minor    INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (account, posting, line),
    FOREIGN KEY (account, posting) REFERENCES posting DEFERRABLE INITIALLY DEFERRED
) STRICT;
INSERT INTO posting_line_wider SELECT account, posting, line, ledger, minor, currency FROM posting_line;
DROP TABLE posting_line;
ALTER TABLE posting_line_wider RENAME TO posting_line;
CREATE INDEX posting_conflict ON posting (conflict) WHERE conflict IS NOT NULL;
CREATE INDEX posting_made ON posting (made_ms);
CREATE TRIGGER posting_balances BEFORE INSERT ON posting
WHEN (SELECT count(*) < 2 OR count(DISTINCT currency) <> 1 OR sum(minor) <> 0
        FROM posting_line WHERE account = NEW.account AND posting = NEW.posting)
BEGIN SELECT RAISE(ABORT, 'a posting does not balance'); END;
-- INSERT OR REPLACE deletes what stands there without asking the triggers of DELETE.
CREATE TRIGGER posting_again BEFORE INSERT ON posting
WHEN EXISTS (SELECT 1 FROM posting WHERE account = NEW.account AND posting = NEW.posting)
BEGIN SELECT RAISE(ABORT, 'a posting is final; correct it with another'); END;
CREATE TRIGGER posting_update BEFORE UPDATE ON posting
BEGIN SELECT RAISE(ABORT, 'a posting is final; correct it with another'); END;
CREATE TRIGGER posting_delete BEFORE DELETE ON posting
BEGIN SELECT RAISE(ABORT, 'a posting is final; correct it with another'); END;
CREATE TRIGGER posting_line_late BEFORE INSERT ON posting_line
WHEN EXISTS (SELECT 1 FROM posting WHERE account = NEW.account AND posting = NEW.posting)
BEGIN SELECT RAISE(ABORT, 'a posting is final; correct it with another'); END;
CREATE TRIGGER posting_line_update BEFORE UPDATE ON posting_line
BEGIN SELECT RAISE(ABORT, 'a posting is final; correct it with another'); END;
CREATE TRIGGER posting_line_delete BEFORE DELETE ON posting_line
BEGIN SELECT RAISE(ABORT, 'a posting is final; correct it with another'); END;
CREATE TRIGGER stored_move_again BEFORE INSERT ON stored_move
WHEN EXISTS (SELECT 1 FROM stored_move WHERE account = NEW.account AND move = NEW.move)
BEGIN SELECT RAISE(ABORT, 'a move of stored value is final'); END;
CREATE TRIGGER book_close_again BEFORE INSERT ON book_close
WHEN EXISTS (SELECT 1 FROM book_close WHERE nth = NEW.nth OR hash = NEW.hash)
BEGIN SELECT RAISE(ABORT, 'a close of the books is final'); END;

-- The exit of its journey when a posting gave revenue back; none when it had no exit. The journey may have another by now,
-- on another operator's line.
CREATE TABLE posting_exit (
    account BLOB NOT NULL,
    posting BLOB NOT NULL,
    exit    BLOB CHECK (length(exit) = 16),
    PRIMARY KEY (account, posting),
    FOREIGN KEY (account, posting) REFERENCES posting (account, posting)
) STRICT;

-- What each operator got of a close's revenue; its account in the ledger is made of its id.
CREATE TABLE operator_share (
    account  BLOB NOT NULL CHECK (length(account) = 16),
    nth      INTEGER NOT NULL CHECK (nth > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    operator TEXT NOT NULL,
    minor    INTEGER NOT NULL,
    -- What all operators get of that close.
    revenue_minor INTEGER NOT NULL,
    share    BLOB NOT NULL CHECK (length(share) = 16),
    made_ms  INTEGER NOT NULL,
    PRIMARY KEY (account, nth, currency)
) STRICT;

-- Each look at all of the books, and what did not fit.
CREATE TABLE book_proof (
    made_ms  INTEGER PRIMARY KEY,
    took_ms  INTEGER NOT NULL,
    postings INTEGER NOT NULL,
    findings INTEGER NOT NULL CHECK (findings >= 0),
    -- JSON: the sums by kind of ledger account and currency.
    sums     TEXT NOT NULL
) STRICT;

-- Closes whose revenue was shared out, and by which rule: its SHA-256, hexadecimal.
CREATE TABLE close_shared (
    nth     INTEGER PRIMARY KEY REFERENCES book_close,
    rule    TEXT NOT NULL,
    made_ms INTEGER NOT NULL
) STRICT;
