-- Version 24: ledger.sql in PostgreSQL's words.
ALTER TABLE posting DROP CONSTRAINT posting_kind_check;
ALTER TABLE posting ADD CONSTRAINT posting_kind_check CHECK (kind IN ('hold', 'capture', 'void', 'reverse', 'resolve',
    'send', 'decline', 'settle', 'unexpected', 'refund', 'top-up', 'product-sale', 'product-use', 'product-return',
    'product-lapse', 'product-unsold', 'refund-ask', 'refund-refused', 'share'));
ALTER TABLE posting_line DROP CONSTRAINT posting_line_ledger_check;
ALTER TABLE posting_line ADD CONSTRAINT posting_line_ledger_check CHECK (ledger IN ('rider', 'held', 'fare-revenue',
    'charging', 'debt', 'alipay', 'wechat', 'stored-value', 'cash', 'suspense', 'prepaid', 'lapsed', 'refunds', 'operator'));
CREATE TRIGGER stored_move_kept BEFORE TRUNCATE ON stored_move
FOR EACH STATEMENT EXECUTE FUNCTION refuse('a move of stored value is final');

CREATE TABLE posting_exit (
    account BYTEA NOT NULL,
    posting BYTEA NOT NULL,
    exit    BYTEA CHECK (octet_length(exit) = 16),
    PRIMARY KEY (account, posting),
    FOREIGN KEY (account, posting) REFERENCES posting (account, posting)
);
CREATE TABLE operator_share (
    account  BYTEA NOT NULL CHECK (octet_length(account) = 16),
    nth      BIGINT NOT NULL CHECK (nth > 0),
    currency TEXT COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    operator TEXT COLLATE "C" NOT NULL,
    minor    BIGINT NOT NULL,
    revenue_minor BIGINT NOT NULL,
    share    BYTEA NOT NULL CHECK (octet_length(share) = 16),
    made_ms  BIGINT NOT NULL,
    PRIMARY KEY (account, nth, currency)
);
CREATE TABLE book_proof (
    made_ms  BIGINT PRIMARY KEY,
    took_ms  BIGINT NOT NULL,
    postings BIGINT NOT NULL,
    findings BIGINT NOT NULL CHECK (findings >= 0),
    sums     TEXT NOT NULL
);
CREATE TABLE close_shared (
    nth     BIGINT PRIMARY KEY REFERENCES book_close,
    rule    TEXT NOT NULL,
    made_ms BIGINT NOT NULL
);
