-- Version 17: products that accounts bought beforehand, and the journeys that use them.

-- Postings may now be about a product, and move money between more accounts. SQLite cannot widen a table in
-- place; the foreign keys are off while this runs and are checked afterwards.
DROP TRIGGER posting_line_late;
DROP TRIGGER posting_balances;
CREATE TABLE posting_wider (
    account  BLOB NOT NULL,
    posting  BLOB NOT NULL CHECK (length(posting) = 16),
    entry    BLOB,
    conflict BLOB REFERENCES conflict,
    kind     TEXT NOT NULL CHECK (kind IN ('hold', 'capture', 'void', 'reverse', 'resolve',
                 'send', 'decline', 'settle', 'unexpected', 'refund', 'top-up', 'product-sale',
                 'product-use', 'product-return', 'product-lapse', 'product-unsold')),
    made_ms  INTEGER NOT NULL,
    charge   BLOB CHECK (length(charge) = 16),
    product  BLOB CHECK (length(product) = 16),
    PRIMARY KEY (account, posting),
    CHECK (entry IS NOT NULL OR conflict IS NOT NULL OR charge IS NOT NULL OR product IS NOT NULL),
    FOREIGN KEY (account, entry) REFERENCES journey (account, entry)
) STRICT;
INSERT INTO posting_wider
    SELECT account, posting, entry, conflict, kind, made_ms, charge, NULL FROM posting;
DROP TABLE posting;
ALTER TABLE posting_wider RENAME TO posting;
CREATE TABLE posting_line_wider (
    account  BLOB NOT NULL,
    posting  BLOB NOT NULL,
    line     INTEGER NOT NULL,
    ledger   TEXT NOT NULL CHECK (ledger IN ('rider', 'held', 'fare-revenue', 'charging', 'debt',
                 'alipay', 'wechat', 'stored-value', 'cash', 'suspense', 'prepaid', 'lapsed')),
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

CREATE TABLE product (
    account  BLOB NOT NULL CHECK (length(account) = 16),
    product  BLOB NOT NULL CHECK (length(product) = 16),
    -- What it was on sale as, and its name then.
    offer    TEXT NOT NULL,
    name     TEXT NOT NULL,
    -- JSON: what was promised.
    promise  TEXT NOT NULL,
    price_minor INTEGER NOT NULL CHECK (price_minor >= 0),
    currency TEXT NOT NULL,
    -- How it was paid: in cash at a desk, or by whatever charges the account.
    paid     TEXT NOT NULL CHECK (paid IN ('cash', 'account')),
    from_ms  INTEGER NOT NULL,
    until_ms INTEGER NOT NULL CHECK (until_ms > from_ms),
    sold_ms  INTEGER NOT NULL,
    person   TEXT NOT NULL,
    -- When what was left of its price lapsed; when it was found to be sold by mistake.
    lapsed_ms INTEGER,
    unsold_ms INTEGER,
    PRIMARY KEY (account, product)
) STRICT;
CREATE INDEX product_lapse ON product (until_ms) WHERE lapsed_ms IS NULL AND unsold_ms IS NULL;
-- Which journeys use which products now. What moved because of it stands in postings.
CREATE TABLE product_use (
    account  BLOB NOT NULL,
    entry    BLOB NOT NULL,
    product  BLOB NOT NULL,
    entered_ms    INTEGER NOT NULL,
    covered_minor INTEGER NOT NULL CHECK (covered_minor > 0),
    -- What the journey earns of the price, and what of it is posted: all once somebody has passed.
    earned_minor  INTEGER NOT NULL CHECK (earned_minor >= 0),
    posted_minor  INTEGER NOT NULL CHECK (posted_minor IN (0, earned_minor)),
    PRIMARY KEY (account, entry, product),
    FOREIGN KEY (account, entry) REFERENCES journey (account, entry),
    FOREIGN KEY (account, product) REFERENCES product (account, product)
) STRICT;
CREATE INDEX product_use_order ON product_use (account, entered_ms, entry);
