-- Version 14: pay_codes.sql in PostgreSQL's words.
CREATE TABLE pay_code (
    account  BYTEA PRIMARY KEY CHECK (octet_length(account) = 16),
    platform TEXT COLLATE "C" NOT NULL CHECK (platform IN ('alipay', 'wechat')),
    sealed   BYTEA,
    shown_ms BIGINT NOT NULL
);
CREATE INDEX pay_code_shown ON pay_code (shown_ms);

CREATE TABLE pay_ask (
    account  BYTEA NOT NULL CHECK (octet_length(account) = 16),
    ask      BYTEA NOT NULL CHECK (octet_length(ask) = 16),
    gate     TEXT COLLATE "C" NOT NULL,
    asked_ms BIGINT NOT NULL,
    outcome  TEXT COLLATE "C" NOT NULL CHECK (outcome IN ('admit', 'refuse', 'overruled')),
    answer   TEXT NOT NULL,
    PRIMARY KEY (account, ask)
);
CREATE INDEX pay_ask_asked ON pay_ask (asked_ms);
CREATE INDEX pay_ask_refused ON pay_ask (account) WHERE outcome = 'refuse';
