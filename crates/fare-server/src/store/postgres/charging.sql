-- Version 11: charging.sql in PostgreSQL's words.
ALTER TABLE posting ADD COLUMN charge BYTEA CHECK (octet_length(charge) = 16);
ALTER TABLE posting DROP CONSTRAINT posting_kind_check;
ALTER TABLE posting ADD CONSTRAINT posting_kind_check CHECK (kind IN ('hold', 'capture', 'void', 'reverse', 'resolve',
    'send', 'decline', 'settle', 'unexpected', 'refund', 'top-up'));
ALTER TABLE posting DROP CONSTRAINT posting_check;
ALTER TABLE posting ADD CONSTRAINT posting_check CHECK
    (entry IS NOT NULL OR conflict IS NOT NULL OR charge IS NOT NULL);
ALTER TABLE posting_line DROP CONSTRAINT posting_line_ledger_check;
ALTER TABLE posting_line ADD CONSTRAINT posting_line_ledger_check CHECK (ledger IN ('rider', 'held', 'fare-revenue',
    'charging', 'debt', 'alipay', 'wechat', 'stored-value', 'cash', 'suspense'));
CREATE INDEX posting_made ON posting (made_ms);

CREATE TABLE payer (
    account   BYTEA PRIMARY KEY CHECK (octet_length(account) = 16),
    platform  TEXT COLLATE "C" NOT NULL CHECK (platform IN ('stored-value', 'alipay', 'wechat')),
    agreement TEXT CHECK ((agreement IS NULL) = (platform = 'stored-value')),
    policy    TEXT CHECK (policy IN ('per-journey', 'end-of-day', 'threshold')),
    threshold_minor BIGINT CHECK (threshold_minor > 0),
    bound_ms  BIGINT NOT NULL,
    CHECK ((threshold_minor IS NOT NULL) = (coalesce(policy, '') = 'threshold'))
);

CREATE TABLE charge_mark (
    name    TEXT COLLATE "C" PRIMARY KEY,
    made_ms BIGINT NOT NULL
);
CREATE TABLE collecting (
    account BYTEA PRIMARY KEY CHECK (octet_length(account) = 16),
    look_ms BIGINT NOT NULL
);
CREATE INDEX collecting_look ON collecting (look_ms);

CREATE TABLE charge (
    account  BYTEA NOT NULL,
    charge   BYTEA NOT NULL CHECK (octet_length(charge) = 16),
    minor    BIGINT NOT NULL CHECK (minor >= 0),
    currency TEXT COLLATE "C" NOT NULL,
    state    TEXT COLLATE "C" NOT NULL CHECK (state IN ('due', 'sent', 'paid', 'debt', 'differs')),
    made_ms  BIGINT NOT NULL,
    next_ms  BIGINT,
    declines BIGINT NOT NULL CHECK (declines >= 0),
    declined_ms BIGINT,
    asked    BIGINT NOT NULL CHECK (asked >= 0),
    PRIMARY KEY (account, charge)
);
CREATE INDEX charge_next ON charge (next_ms) WHERE next_ms IS NOT NULL;
CREATE INDEX charge_debt ON charge (account) WHERE state = 'debt';
CREATE INDEX charge_made ON charge (made_ms);
CREATE TABLE charge_item (
    account BYTEA NOT NULL,
    posting BYTEA NOT NULL,
    charge  BYTEA NOT NULL,
    PRIMARY KEY (account, posting),
    FOREIGN KEY (account, posting) REFERENCES posting (account, posting),
    FOREIGN KEY (account, charge) REFERENCES charge (account, charge)
);
CREATE INDEX charge_item_charge ON charge_item (account, charge);
CREATE TABLE charge_try (
    account  BYTEA NOT NULL,
    charge   BYTEA NOT NULL,
    nth      BIGINT NOT NULL CHECK (nth > 0),
    order_no TEXT COLLATE "C" NOT NULL,
    platform TEXT COLLATE "C" NOT NULL,
    way      TEXT NOT NULL CHECK (way IN ('agreement', 'balance', 'pay-code', 'show-code')),
    state    TEXT COLLATE "C" NOT NULL CHECK (state IN ('sent', 'paid', 'declined', 'ended')),
    reference TEXT,
    paid_minor    BIGINT,
    paid_currency TEXT,
    why      TEXT,
    sent_ms  BIGINT NOT NULL,
    ended_ms BIGINT,
    PRIMARY KEY (account, charge, nth),
    FOREIGN KEY (account, charge) REFERENCES charge (account, charge)
);
CREATE INDEX charge_try_order ON charge_try (order_no);
CREATE INDEX charge_try_ended ON charge_try (ended_ms) WHERE state = 'paid';
CREATE TABLE charge_refund (
    account  BYTEA NOT NULL,
    refund   BYTEA NOT NULL CHECK (octet_length(refund) = 16),
    charge   BYTEA NOT NULL,
    order_no TEXT COLLATE "C" NOT NULL,
    platform TEXT COLLATE "C" NOT NULL,
    charged_minor BIGINT NOT NULL,
    minor    BIGINT NOT NULL CHECK (minor > 0),
    currency TEXT COLLATE "C" NOT NULL,
    state    TEXT COLLATE "C" NOT NULL CHECK (state IN ('asked', 'done', 'refused')),
    why      TEXT,
    person   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    made_ms  BIGINT NOT NULL,
    next_ms  BIGINT,
    ended_ms BIGINT,
    PRIMARY KEY (account, refund),
    FOREIGN KEY (account, charge) REFERENCES charge (account, charge)
);
CREATE INDEX charge_refund_next ON charge_refund (next_ms) WHERE next_ms IS NOT NULL;

CREATE TABLE stored_move (
    account  BYTEA NOT NULL CHECK (octet_length(account) = 16),
    move     TEXT COLLATE "C" NOT NULL,
    what     TEXT COLLATE "C" NOT NULL CHECK (what IN ('top-up', 'charge', 'refund', 'cancel')),
    order_no TEXT COLLATE "C",
    minor    BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    made_ms  BIGINT NOT NULL,
    PRIMARY KEY (account, move)
);
CREATE INDEX stored_move_made ON stored_move (made_ms);
CREATE TRIGGER stored_move_final BEFORE UPDATE OR DELETE ON stored_move
FOR EACH ROW EXECUTE FUNCTION refuse('a move of stored value is final');

ALTER TABLE denied ADD COLUMN why TEXT NOT NULL DEFAULT 'staff' CHECK (why IN ('staff', 'debt', 'both'));
CREATE INDEX stored_move_order ON stored_move (order_no);
