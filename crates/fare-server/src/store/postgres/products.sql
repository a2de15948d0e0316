-- Version 17: products.sql in PostgreSQL's words.
ALTER TABLE posting ADD COLUMN product BYTEA CHECK (octet_length(product) = 16);
ALTER TABLE posting DROP CONSTRAINT posting_kind_check;
ALTER TABLE posting ADD CONSTRAINT posting_kind_check CHECK (kind IN ('hold', 'capture', 'void', 'reverse', 'resolve',
    'send', 'decline', 'settle', 'unexpected', 'refund', 'top-up', 'product-sale', 'product-use', 'product-return',
    'product-lapse', 'product-unsold'));
ALTER TABLE posting DROP CONSTRAINT posting_check;
ALTER TABLE posting ADD CONSTRAINT posting_check CHECK
    (entry IS NOT NULL OR conflict IS NOT NULL OR charge IS NOT NULL OR product IS NOT NULL);
ALTER TABLE posting_line DROP CONSTRAINT posting_line_ledger_check;
ALTER TABLE posting_line ADD CONSTRAINT posting_line_ledger_check CHECK (ledger IN ('rider', 'held', 'fare-revenue',
    'charging', 'debt', 'alipay', 'wechat', 'stored-value', 'cash', 'suspense', 'prepaid', 'lapsed'));

CREATE TABLE product (
    account  BYTEA NOT NULL CHECK (octet_length(account) = 16),
    product  BYTEA NOT NULL CHECK (octet_length(product) = 16),
    offer    TEXT NOT NULL,
    name     TEXT NOT NULL,
    promise  TEXT NOT NULL,
    price_minor BIGINT NOT NULL CHECK (price_minor >= 0),
    currency TEXT COLLATE "C" NOT NULL,
    paid     TEXT COLLATE "C" NOT NULL CHECK (paid IN ('cash', 'account')),
    from_ms  BIGINT NOT NULL,
    until_ms BIGINT NOT NULL CHECK (until_ms > from_ms),
    sold_ms  BIGINT NOT NULL,
    person   TEXT NOT NULL,
    lapsed_ms BIGINT,
    unsold_ms BIGINT,
    PRIMARY KEY (account, product)
);
CREATE INDEX product_lapse ON product (until_ms) WHERE lapsed_ms IS NULL AND unsold_ms IS NULL;
CREATE TABLE product_use (
    account  BYTEA NOT NULL,
    entry    BYTEA NOT NULL,
    product  BYTEA NOT NULL,
    entered_ms    BIGINT NOT NULL,
    covered_minor BIGINT NOT NULL CHECK (covered_minor > 0),
    earned_minor  BIGINT NOT NULL CHECK (earned_minor >= 0),
    posted_minor  BIGINT NOT NULL CHECK (posted_minor IN (0, earned_minor)),
    PRIMARY KEY (account, entry, product),
    FOREIGN KEY (account, entry) REFERENCES journey (account, entry),
    FOREIGN KEY (account, product) REFERENCES product (account, product)
);
CREATE INDEX product_use_order ON product_use (account, entered_ms, entry);
