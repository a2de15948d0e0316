-- Version 1. Every table that grows has a gate or an account in its key, so that it can be split by
-- one of them; the feed alone is one list for all.
-- Times are Unix milliseconds; ids are their 16 bytes; money is in minor units of its currency.

CREATE TABLE gate (
    gate      TEXT PRIMARY KEY,
    key       BLOB NOT NULL CHECK (length(key) = 32),
    station   TEXT NOT NULL,
    line      TEXT NOT NULL
) STRICT;

-- The chains, as the gates signed them, with the answer each record got.
CREATE TABLE record (
    gate        TEXT NOT NULL REFERENCES gate,
    seq         INTEGER NOT NULL CHECK (seq > 0),
    id          BLOB NOT NULL CHECK (length(id) = 16),
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    envelope    BLOB NOT NULL,
    answer      TEXT NOT NULL,
    at_ms       INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (gate, seq),
    UNIQUE (gate, id),
    UNIQUE (gate, hash)
) STRICT;

-- Records refused as forks: kept, shown as conflicts, never applied.
CREATE TABLE fork (
    gate        TEXT NOT NULL REFERENCES gate,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    seq         INTEGER NOT NULL,
    envelope    BLOB NOT NULL,
    answer      TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (gate, hash)
) STRICT;

-- The first passage that answers a confirmation; it may come before the confirmation does.
CREATE TABLE passage (
    gate         TEXT NOT NULL REFERENCES gate,
    confirmation BLOB NOT NULL CHECK (length(confirmation) = 16),
    outcome      TEXT NOT NULL,
    PRIMARY KEY (gate, confirmation)
) STRICT;

-- Confirmations by account. The envelope stands here once more: all about an account is together.
CREATE TABLE tap (
    account   BLOB NOT NULL CHECK (length(account) = 16),
    id        BLOB NOT NULL CHECK (length(id) = 16),
    at_ms     INTEGER NOT NULL,
    code_ref  BLOB NOT NULL,
    gate      TEXT NOT NULL,
    envelope  BLOB NOT NULL,
    passage   TEXT,
    has_place INTEGER NOT NULL CHECK (has_place IN (0, 1)),
    PRIMARY KEY (account, id)
) STRICT;
CREATE INDEX tap_place ON tap (account, at_ms, id) WHERE has_place = 1;
CREATE INDEX tap_code ON tap (account, code_ref);

-- One row for each entry confirmation.
CREATE TABLE journey (
    account    BLOB NOT NULL,
    entry      BLOB NOT NULL,
    journey    BLOB NOT NULL CHECK (length(journey) = 16),
    state      TEXT NOT NULL CHECK (state IN
                 ('tapped', 'annulled', 'open', 'incomplete', 'unpriced', 'held', 'closed')),
    station    TEXT NOT NULL,
    line       TEXT NOT NULL,
    entered_ms INTEGER NOT NULL,
    exit       BLOB,
    exit_station TEXT,
    left_ms    INTEGER,
    fare_minor INTEGER CHECK (fare_minor >= 0),
    currency   TEXT,
    PRIMARY KEY (account, entry),
    FOREIGN KEY (account, entry) REFERENCES tap (account, id),
    FOREIGN KEY (account, exit) REFERENCES tap (account, id),
    -- An exit belongs to one journey; a row on its way to another is changed first.
    UNIQUE (account, exit),
    CHECK ((exit IS NOT NULL) = (state IN ('unpriced', 'held', 'closed'))),
    CHECK ((fare_minor IS NOT NULL) = (state IN ('held', 'closed'))),
    CHECK ((fare_minor IS NULL) = (currency IS NULL)),
    CHECK ((exit IS NULL) = (left_ms IS NULL) AND (exit IS NULL) = (exit_station IS NULL))
) STRICT;
CREATE INDEX journey_recent ON journey (entered_ms);
CREATE INDEX journey_inside ON journey (entered_ms) WHERE state IN ('open', 'held');

-- Double entry. The lines of a posting are written first and its own row last, when the trigger
-- adds them up; until then the deferred key keeps the transaction from committing. Afterwards
-- nothing about it can be added, changed or deleted.
CREATE TABLE posting (
    account BLOB NOT NULL,
    posting BLOB NOT NULL CHECK (length(posting) = 16),
    entry   BLOB NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('hold', 'capture', 'void', 'reverse')),
    made_ms INTEGER NOT NULL,
    PRIMARY KEY (account, posting),
    FOREIGN KEY (account, entry) REFERENCES journey (account, entry)
) STRICT;
CREATE TABLE posting_line (
    account  BLOB NOT NULL,
    posting  BLOB NOT NULL,
    line     INTEGER NOT NULL,
    ledger   TEXT NOT NULL CHECK (ledger IN ('rider', 'held', 'fare-revenue')),
    minor    INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (account, posting, line),
    FOREIGN KEY (account, posting) REFERENCES posting DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE TRIGGER posting_balances BEFORE INSERT ON posting
WHEN (SELECT count(*) < 2 OR count(DISTINCT currency) <> 1 OR sum(minor) <> 0
        FROM posting_line WHERE account = NEW.account AND posting = NEW.posting)
BEGIN SELECT RAISE(ABORT, 'a posting does not balance'); END;
CREATE TRIGGER posting_line_late BEFORE INSERT ON posting_line
WHEN EXISTS (SELECT 1 FROM posting WHERE account = NEW.account AND posting = NEW.posting)
BEGIN SELECT RAISE(ABORT, 'a posting is final; correct it with another'); END;
CREATE TRIGGER posting_line_update BEFORE UPDATE ON posting_line
BEGIN SELECT RAISE(ABORT, 'a posting is final; correct it with another'); END;
CREATE TRIGGER posting_line_delete BEFORE DELETE ON posting_line
BEGIN SELECT RAISE(ABORT, 'a posting is final; correct it with another'); END;
CREATE TRIGGER posting_update BEFORE UPDATE ON posting
BEGIN SELECT RAISE(ABORT, 'a posting is final; correct it with another'); END;
CREATE TRIGGER posting_delete BEFORE DELETE ON posting
BEGIN SELECT RAISE(ABORT, 'a posting is final; correct it with another'); END;

-- What staff must look at. `scope` is `gate:` or `account:` and whose it is.
CREATE TABLE conflict (
    scope      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    detail     TEXT NOT NULL,
    raised_ms  INTEGER NOT NULL,
    cleared_ms INTEGER,
    PRIMARY KEY (scope, kind, subject)
) STRICT;
CREATE INDEX conflict_standing ON conflict (raised_ms) WHERE cleared_ms IS NULL;

CREATE TABLE denied (
    account  BLOB PRIMARY KEY CHECK (length(account) = 16),
    since_ms INTEGER NOT NULL
) STRICT;

-- What gates are told, in order. `change` is the JSON of a change; NULL says that the keys or the
-- tariff named by `kind` are new.
CREATE TABLE feed (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    kind   TEXT NOT NULL CHECK (kind IN ('change', 'issuers', 'tariff')),
    change TEXT CHECK ((change IS NULL) = (kind <> 'change'))
) STRICT;

-- Which keys and which tariff were last announced in the feed: their text.
CREATE TABLE announced (
    kind TEXT PRIMARY KEY CHECK (kind IN ('issuers', 'tariff')),
    text TEXT NOT NULL
) STRICT;
