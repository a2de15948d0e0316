-- Version 11: charging through payment platforms.

-- Postings may now be about a charge, and move money between more accounts. SQLite cannot widen a table in
-- place; the foreign keys are off while this runs and are checked afterwards.
DROP TRIGGER posting_line_late;
DROP TRIGGER posting_balances;
CREATE TABLE posting_wider (
    account  BLOB NOT NULL,
    posting  BLOB NOT NULL CHECK (length(posting) = 16),
    entry    BLOB,
    conflict BLOB REFERENCES conflict,
    kind     TEXT NOT NULL CHECK (kind IN ('hold', 'capture', 'void', 'reverse', 'resolve',
                 'send', 'decline', 'settle', 'unexpected', 'refund', 'top-up')),
    made_ms  INTEGER NOT NULL,
    -- The charge, the refund or the payment into stored value that made it.
    charge   BLOB CHECK (length(charge) = 16),
    PRIMARY KEY (account, posting),
    CHECK (entry IS NOT NULL OR conflict IS NOT NULL OR charge IS NOT NULL),
    FOREIGN KEY (account, entry) REFERENCES journey (account, entry)
) STRICT;
INSERT INTO posting_wider SELECT account, posting, entry, conflict, kind, made_ms, NULL FROM posting;
DROP TABLE posting;
ALTER TABLE posting_wider RENAME TO posting;
CREATE TABLE posting_line_wider (
    account  BLOB NOT NULL,
    posting  BLOB NOT NULL,
    line     INTEGER NOT NULL,
    ledger   TEXT NOT NULL CHECK (ledger IN ('rider', 'held', 'fare-revenue', 'charging', 'debt',
                 'alipay', 'wechat', 'stored-value', 'cash', 'suspense')),
    minor    INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (account, posting, line),
    FOREIGN KEY (account, posting) REFERENCES posting DEFERRABLE INITIALLY DEFERRED
) STRICT;
INSERT INTO posting_line_wider SELECT account, posting, line, ledger, minor, currency FROM posting_line;
DROP TABLE posting_line;
ALTER TABLE posting_line_wider RENAME TO posting_line;
CREATE INDEX posting_conflict ON posting (conflict) WHERE conflict IS NOT NULL;
-- Whose account has something to charge: the job looks at what was made since it last looked.
CREATE INDEX posting_made ON posting (made_ms);
CREATE TRIGGER posting_balances BEFORE INSERT ON posting
WHEN (SELECT count(*) < 2 OR count(DISTINCT currency) <> 1 OR sum(minor) <> 0
        FROM posting_line WHERE account = NEW.account AND posting = NEW.posting)
BEGIN SELECT RAISE(ABORT, 'a posting does not balance'); END;
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

-- How an account pays. Who has no row here is not charged.
CREATE TABLE payer (
    account   BLOB PRIMARY KEY CHECK (length(account) = 16),
    platform  TEXT NOT NULL CHECK (platform IN ('stored-value', 'alipay', 'wechat')),
    -- The number of the agreement with the platform; none for stored value.
    agreement TEXT CHECK ((agreement IS NULL) = (platform = 'stored-value')),
    -- Another policy than the server's.
    policy    TEXT CHECK (policy IN ('per-journey', 'end-of-day', 'threshold')),
    threshold_minor INTEGER CHECK (threshold_minor > 0),
    bound_ms  INTEGER NOT NULL,
    CHECK ((threshold_minor IS NOT NULL) = (coalesce(policy, '') = 'threshold'))
) STRICT;

-- Up to when postings were looked through, and accounts that are looked at again.
CREATE TABLE charge_mark (
    name    TEXT PRIMARY KEY,
    made_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE collecting (
    account BLOB PRIMARY KEY CHECK (length(account) = 16),
    look_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX collecting_look ON collecting (look_ms);

-- What is demanded, and how far it has come. Its money stands in postings.
CREATE TABLE charge (
    account  BLOB NOT NULL,
    charge   BLOB NOT NULL CHECK (length(charge) = 16),
    minor    INTEGER NOT NULL CHECK (minor >= 0),
    currency TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('due', 'sent', 'paid', 'debt', 'differs')),
    made_ms  INTEGER NOT NULL,
    -- When something is to be done about it; none when nothing is.
    next_ms  INTEGER,
    declines INTEGER NOT NULL CHECK (declines >= 0),
    declined_ms INTEGER,
    -- How often it was asked after since it was sent.
    asked    INTEGER NOT NULL CHECK (asked >= 0),
    PRIMARY KEY (account, charge)
) STRICT;
CREATE INDEX charge_next ON charge (next_ms) WHERE next_ms IS NOT NULL;
CREATE INDEX charge_debt ON charge (account) WHERE state = 'debt';
CREATE INDEX charge_made ON charge (made_ms);
-- Which postings it is made of: each is charged once.
CREATE TABLE charge_item (
    account BLOB NOT NULL,
    posting BLOB NOT NULL,
    charge  BLOB NOT NULL,
    PRIMARY KEY (account, posting),
    FOREIGN KEY (account, posting) REFERENCES posting (account, posting),
    FOREIGN KEY (account, charge) REFERENCES charge (account, charge)
) STRICT;
CREATE INDEX charge_item_charge ON charge_item (account, charge);
-- Each order that was sent for it: kept before it is sent.
CREATE TABLE charge_try (
    account  BLOB NOT NULL,
    charge   BLOB NOT NULL,
    nth      INTEGER NOT NULL CHECK (nth > 0),
    order_no TEXT NOT NULL,
    platform TEXT NOT NULL,
    way      TEXT NOT NULL CHECK (way IN ('agreement', 'balance', 'pay-code', 'show-code')),
    state    TEXT NOT NULL CHECK (state IN ('sent', 'paid', 'declined', 'ended')),
    reference TEXT,
    paid_minor    INTEGER,
    paid_currency TEXT,
    -- The platform's word for a no, or what differs.
    why      TEXT,
    sent_ms  INTEGER NOT NULL,
    ended_ms INTEGER,
    PRIMARY KEY (account, charge, nth),
    FOREIGN KEY (account, charge) REFERENCES charge (account, charge)
) STRICT;
CREATE INDEX charge_try_order ON charge_try (order_no);
CREATE INDEX charge_try_ended ON charge_try (ended_ms) WHERE state = 'paid';
CREATE TABLE charge_refund (
    account  BLOB NOT NULL,
    refund   BLOB NOT NULL CHECK (length(refund) = 16),
    charge   BLOB NOT NULL,
    order_no TEXT NOT NULL,
    platform TEXT NOT NULL,
    charged_minor INTEGER NOT NULL,
    minor    INTEGER NOT NULL CHECK (minor > 0),
    currency TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('asked', 'done', 'refused')),
    why      TEXT,
    person   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    made_ms  INTEGER NOT NULL,
    next_ms  INTEGER,
    ended_ms INTEGER,
    PRIMARY KEY (account, refund),
    FOREIGN KEY (account, charge) REFERENCES charge (account, charge)
) STRICT;
CREATE INDEX charge_refund_next ON charge_refund (next_ms) WHERE next_ms IS NOT NULL;

-- Stored value as a platform keeps it: what came in, what was charged, what went back. The ledger has its own
-- account for it, and the two are compared.
CREATE TABLE stored_move (
    account  BLOB NOT NULL CHECK (length(account) = 16),
    move     TEXT NOT NULL,
    what     TEXT NOT NULL CHECK (what IN ('top-up', 'charge', 'refund', 'cancel')),
    -- The order that is charged, given back or taken back.
    order_no TEXT,
    minor    INTEGER NOT NULL,
    currency TEXT NOT NULL,
    made_ms  INTEGER NOT NULL,
    PRIMARY KEY (account, move)
) STRICT;
CREATE INDEX stored_move_made ON stored_move (made_ms);
CREATE TRIGGER stored_move_update BEFORE UPDATE ON stored_move
BEGIN SELECT RAISE(ABORT, 'a move of stored value is final'); END;
CREATE TRIGGER stored_move_delete BEFORE DELETE ON stored_move
BEGIN SELECT RAISE(ABORT, 'a move of stored value is final'); END;

-- Why an account is refused: paying takes away 'debt' and nothing else.
ALTER TABLE denied ADD COLUMN why TEXT NOT NULL DEFAULT 'staff' CHECK (why IN ('staff', 'debt', 'both'));
CREATE INDEX stored_move_order ON stored_move (order_no);
