-- Version 14: payment platforms' codes.

-- Who pays by a code, through which platform; and the code itself, sealed, for as long as it may be charged.
CREATE TABLE pay_code (
    account  BLOB PRIMARY KEY CHECK (length(account) = 16),
    platform TEXT NOT NULL CHECK (platform IN ('alipay', 'wechat')),
    sealed   BLOB,
    shown_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX pay_code_shown ON pay_code (shown_ms);

-- What gates asked, and the first answer. The ask has the id of the confirmation that was to be.
CREATE TABLE pay_ask (
    account  BLOB NOT NULL CHECK (length(account) = 16),
    ask      BLOB NOT NULL CHECK (length(ask) = 16),
    gate     TEXT NOT NULL,
    asked_ms INTEGER NOT NULL,
    -- 'overruled': the gate admitted all the same, and a conflict says so.
    outcome  TEXT NOT NULL CHECK (outcome IN ('admit', 'refuse', 'overruled')),
    answer   TEXT NOT NULL,
    PRIMARY KEY (account, ask)
) STRICT;
CREATE INDEX pay_ask_asked ON pay_ask (asked_ms);
CREATE INDEX pay_ask_refused ON pay_ask (account) WHERE outcome = 'refuse';
