-- Version 2: the conflict inbox, decisions about conflicts, and evidence about unknown passages.

-- The next tap of an account, whatever became of it, tells about a passage that a gate cannot.
CREATE INDEX tap_at ON tap (account, at_ms, id);
ALTER TABLE tap ADD COLUMN evidence TEXT CHECK (evidence IN ('passed', 'annulled', 'expired'));
-- When the server learnt that the gate cannot tell.
ALTER TABLE tap ADD COLUMN unknown_ms INTEGER;
CREATE INDEX tap_untold ON tap (unknown_ms) WHERE unknown_ms IS NOT NULL AND evidence IS NULL;
-- Version 1 took them as passed.
UPDATE tap SET evidence = 'passed' WHERE passage = '"unknown"';

-- A conflict as it was raised: never changed. Raised again after its end, it is another one.
ALTER TABLE conflict RENAME TO conflict_before;
DROP INDEX conflict_standing;
CREATE TABLE conflict (
    conflict  BLOB PRIMARY KEY CHECK (length(conflict) = 16),
    scope     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    subject   TEXT NOT NULL,
    nth       INTEGER NOT NULL CHECK (nth > 0),
    raised_ms INTEGER NOT NULL,
    UNIQUE (scope, kind, subject, nth)
) STRICT;
CREATE INDEX conflict_raised ON conflict (raised_ms);

-- What is told about it, as records come in; the last line counts.
CREATE TABLE conflict_told (
    conflict BLOB NOT NULL REFERENCES conflict,
    line     INTEGER NOT NULL CHECK (line > 0),
    told_ms  INTEGER NOT NULL,
    detail   TEXT NOT NULL,
    first    BLOB,
    second   BLOB,
    proposal TEXT NOT NULL,
    PRIMARY KEY (conflict, line)
) STRICT;

-- How it ended, once: records cleared it, or a person decided to keep or to charge.
CREATE TABLE conflict_end (
    conflict BLOB PRIMARY KEY REFERENCES conflict,
    at_ms    INTEGER NOT NULL,
    how      TEXT NOT NULL CHECK (how IN ('cleared', 'keep', 'charge')),
    person   TEXT,
    reason   TEXT,
    account  BLOB,
    entry    BLOB,
    tap      BLOB,
    replaced_minor INTEGER CHECK (replaced_minor >= 0),
    fare_minor     INTEGER CHECK (fare_minor >= 0),
    currency       TEXT,
    CHECK ((how = 'cleared') = (person IS NULL) AND (person IS NULL) = (reason IS NULL)),
    CHECK ((how = 'charge') = (fare_minor IS NOT NULL)),
    CHECK ((fare_minor IS NULL) = (replaced_minor IS NULL) AND (fare_minor IS NULL) = (currency IS NULL)),
    CHECK ((fare_minor IS NULL) = (account IS NULL) AND (fare_minor IS NULL) = (tap IS NULL)),
    FOREIGN KEY (account, tap) REFERENCES tap (account, id)
) STRICT;
CREATE INDEX conflict_end_about ON conflict_end (account, tap) WHERE account IS NOT NULL;
CREATE INDEX conflict_end_entry ON conflict_end (account, entry) WHERE entry IS NOT NULL;

-- Decisions that a late record overtook; their postings are reversed.
CREATE TABLE conflict_overtaken (
    conflict BLOB PRIMARY KEY REFERENCES conflict_end,
    at_ms    INTEGER NOT NULL
) STRICT;

INSERT INTO conflict SELECT randomblob(16), scope, kind, subject, 1, raised_ms FROM conflict_before;
INSERT INTO conflict_told
    SELECT conflict, 1, conflict.raised_ms, detail, NULL, NULL,
           '{"decision":"keep","why":"ask-people"}'
    FROM conflict JOIN conflict_before USING (scope, kind, subject);
INSERT INTO conflict_end (conflict, at_ms, how)
    SELECT conflict, cleared_ms, 'cleared'
    FROM conflict JOIN conflict_before USING (scope, kind, subject) WHERE cleared_ms IS NOT NULL;
DROP TABLE conflict_before;

CREATE TRIGGER conflict_update BEFORE UPDATE ON conflict
BEGIN SELECT RAISE(ABORT, 'a conflict is final; raise another'); END;
CREATE TRIGGER conflict_delete BEFORE DELETE ON conflict
BEGIN SELECT RAISE(ABORT, 'a conflict is final; raise another'); END;
CREATE TRIGGER conflict_told_update BEFORE UPDATE ON conflict_told
BEGIN SELECT RAISE(ABORT, 'a conflict is final; raise another'); END;
CREATE TRIGGER conflict_told_delete BEFORE DELETE ON conflict_told
BEGIN SELECT RAISE(ABORT, 'a conflict is final; raise another'); END;
CREATE TRIGGER conflict_end_update BEFORE UPDATE ON conflict_end
BEGIN SELECT RAISE(ABORT, 'a conflict is final; raise another'); END;
CREATE TRIGGER conflict_end_delete BEFORE DELETE ON conflict_end
BEGIN SELECT RAISE(ABORT, 'a conflict is final; raise another'); END;
CREATE TRIGGER conflict_overtaken_update BEFORE UPDATE ON conflict_overtaken
BEGIN SELECT RAISE(ABORT, 'a conflict is final; raise another'); END;
CREATE TRIGGER conflict_overtaken_delete BEFORE DELETE ON conflict_overtaken
BEGIN SELECT RAISE(ABORT, 'a conflict is final; raise another'); END;

-- Postings may now come from a decision too, also one about an exit without an entry. SQLite cannot
-- widen a table in place; the foreign keys are off while this runs and are checked afterwards.
DROP TRIGGER posting_line_late;
CREATE TABLE posting_wider (
    account  BLOB NOT NULL,
    posting  BLOB NOT NULL CHECK (length(posting) = 16),
    entry    BLOB,
    -- The conflict whose decision made it; none for what journeys do by themselves.
    conflict BLOB REFERENCES conflict,
    kind     TEXT NOT NULL CHECK (kind IN ('hold', 'capture', 'void', 'reverse', 'resolve')),
    made_ms  INTEGER NOT NULL,
    PRIMARY KEY (account, posting),
    CHECK (entry IS NOT NULL OR conflict IS NOT NULL),
    FOREIGN KEY (account, entry) REFERENCES journey (account, entry)
) STRICT;
INSERT INTO posting_wider SELECT account, posting, entry, NULL, kind, made_ms FROM posting;
DROP TABLE posting;
ALTER TABLE posting_wider RENAME TO posting;
CREATE INDEX posting_conflict ON posting (conflict) WHERE conflict IS NOT NULL;
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
