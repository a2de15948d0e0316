-- Version 2, the first one on PostgreSQL: what schema.sql and inbox.sql make on SQLite, in PostgreSQL's
-- words. Every table that grows has a gate or an account in its key, so that it can be split by one of
-- them (docs/citus.sql); conflicts and the feed are one list for all.
-- Times are Unix milliseconds; ids are their 16 bytes; money is in minor units of its currency. Text is
-- compared by its bytes, as SQLite does.

CREATE TABLE gate (
    gate      TEXT COLLATE "C" PRIMARY KEY,
    key       BYTEA NOT NULL CHECK (octet_length(key) = 32),
    station   TEXT NOT NULL,
    line      TEXT NOT NULL
);

CREATE TABLE record (
    gate        TEXT COLLATE "C" NOT NULL REFERENCES gate,
    seq         BIGINT NOT NULL CHECK (seq > 0),
    id          BYTEA NOT NULL CHECK (octet_length(id) = 16),
    hash        BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    envelope    BYTEA NOT NULL,
    answer      TEXT NOT NULL,
    at_ms       BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (gate, seq),
    UNIQUE (gate, id),
    UNIQUE (gate, hash)
);

CREATE TABLE fork (
    gate        TEXT COLLATE "C" NOT NULL REFERENCES gate,
    hash        BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    seq         BIGINT NOT NULL,
    envelope    BYTEA NOT NULL,
    answer      TEXT NOT NULL,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (gate, hash)
);

CREATE TABLE passage (
    gate         TEXT COLLATE "C" NOT NULL REFERENCES gate,
    confirmation BYTEA NOT NULL CHECK (octet_length(confirmation) = 16),
    outcome      TEXT NOT NULL,
    PRIMARY KEY (gate, confirmation)
);

CREATE TABLE tap (
    account    BYTEA NOT NULL CHECK (octet_length(account) = 16),
    id         BYTEA NOT NULL CHECK (octet_length(id) = 16),
    at_ms      BIGINT NOT NULL,
    code_ref   BYTEA NOT NULL,
    gate       TEXT COLLATE "C" NOT NULL,
    envelope   BYTEA NOT NULL,
    passage    TEXT,
    has_place  BIGINT NOT NULL CHECK (has_place IN (0, 1)),
    evidence   TEXT CHECK (evidence IN ('passed', 'annulled', 'expired')),
    unknown_ms BIGINT,
    PRIMARY KEY (account, id)
);
CREATE INDEX tap_place ON tap (account, at_ms, id) WHERE has_place = 1;
CREATE INDEX tap_at ON tap (account, at_ms, id);
CREATE INDEX tap_code ON tap (account, code_ref);
CREATE INDEX tap_untold ON tap (unknown_ms) WHERE unknown_ms IS NOT NULL AND evidence IS NULL;

CREATE TABLE journey (
    account    BYTEA NOT NULL,
    entry      BYTEA NOT NULL,
    journey    BYTEA NOT NULL CHECK (octet_length(journey) = 16),
    state      TEXT NOT NULL CHECK (state IN
                 ('tapped', 'annulled', 'open', 'incomplete', 'unpriced', 'held', 'closed')),
    station    TEXT NOT NULL,
    line       TEXT NOT NULL,
    entered_ms BIGINT NOT NULL,
    exit       BYTEA,
    exit_station TEXT,
    left_ms    BIGINT,
    fare_minor BIGINT CHECK (fare_minor >= 0),
    currency   TEXT,
    PRIMARY KEY (account, entry),
    FOREIGN KEY (account, entry) REFERENCES tap (account, id),
    FOREIGN KEY (account, exit) REFERENCES tap (account, id),
    UNIQUE (account, exit),
    CHECK ((exit IS NOT NULL) = (state IN ('unpriced', 'held', 'closed'))),
    CHECK ((fare_minor IS NOT NULL) = (state IN ('held', 'closed'))),
    CHECK ((fare_minor IS NULL) = (currency IS NULL)),
    CHECK ((exit IS NULL) = (left_ms IS NULL) AND (exit IS NULL) = (exit_station IS NULL))
);
CREATE INDEX journey_recent ON journey (entered_ms, entry);
CREATE INDEX journey_inside ON journey (entered_ms) WHERE state IN ('open', 'held');

CREATE TABLE conflict (
    conflict  BYTEA PRIMARY KEY CHECK (octet_length(conflict) = 16),
    scope     TEXT COLLATE "C" NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    subject   TEXT COLLATE "C" NOT NULL,
    nth       BIGINT NOT NULL CHECK (nth > 0),
    raised_ms BIGINT NOT NULL,
    UNIQUE (scope, kind, subject, nth)
);
CREATE INDEX conflict_raised ON conflict (raised_ms);

CREATE TABLE conflict_told (
    conflict BYTEA NOT NULL REFERENCES conflict,
    line     BIGINT NOT NULL CHECK (line > 0),
    told_ms  BIGINT NOT NULL,
    detail   TEXT NOT NULL,
    first    BYTEA,
    second   BYTEA,
    proposal TEXT NOT NULL,
    PRIMARY KEY (conflict, line)
);

CREATE TABLE conflict_end (
    conflict BYTEA PRIMARY KEY REFERENCES conflict,
    at_ms    BIGINT NOT NULL,
    how      TEXT NOT NULL CHECK (how IN ('cleared', 'keep', 'charge')),
    person   TEXT,
    reason   TEXT,
    account  BYTEA,
    entry    BYTEA,
    tap      BYTEA,
    replaced_minor BIGINT CHECK (replaced_minor >= 0),
    fare_minor     BIGINT CHECK (fare_minor >= 0),
    currency       TEXT,
    CHECK ((how = 'cleared') = (person IS NULL) AND (person IS NULL) = (reason IS NULL)),
    CHECK ((how = 'charge') = (fare_minor IS NOT NULL)),
    CHECK ((fare_minor IS NULL) = (replaced_minor IS NULL) AND (fare_minor IS NULL) = (currency IS NULL)),
    CHECK ((fare_minor IS NULL) = (account IS NULL) AND (fare_minor IS NULL) = (tap IS NULL)),
    FOREIGN KEY (account, tap) REFERENCES tap (account, id)
);
CREATE INDEX conflict_end_about ON conflict_end (account, tap) WHERE account IS NOT NULL;
CREATE INDEX conflict_end_entry ON conflict_end (account, entry) WHERE entry IS NOT NULL;

CREATE TABLE conflict_overtaken (
    conflict BYTEA PRIMARY KEY REFERENCES conflict_end,
    at_ms    BIGINT NOT NULL
);

-- Double entry, as in schema.sql: the lines first, then the posting, when they are added up. The
-- triggers look at a whole statement at once, which many postings share.
CREATE TABLE posting (
    account  BYTEA NOT NULL,
    posting  BYTEA NOT NULL CHECK (octet_length(posting) = 16),
    entry    BYTEA,
    conflict BYTEA REFERENCES conflict,
    kind     TEXT NOT NULL CHECK (kind IN ('hold', 'capture', 'void', 'reverse', 'resolve')),
    made_ms  BIGINT NOT NULL,
    PRIMARY KEY (account, posting),
    CHECK (entry IS NOT NULL OR conflict IS NOT NULL),
    FOREIGN KEY (account, entry) REFERENCES journey (account, entry)
);
CREATE INDEX posting_conflict ON posting (conflict) WHERE conflict IS NOT NULL;
CREATE TABLE posting_line (
    account  BYTEA NOT NULL,
    posting  BYTEA NOT NULL,
    line     BIGINT NOT NULL,
    ledger   TEXT COLLATE "C" NOT NULL CHECK (ledger IN ('rider', 'held', 'fare-revenue')),
    minor    BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (account, posting, line),
    FOREIGN KEY (account, posting) REFERENCES posting DEFERRABLE INITIALLY DEFERRED
);

CREATE FUNCTION posting_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM made LEFT JOIN posting_line USING (account, posting)
               GROUP BY account, posting
               HAVING count(line) < 2 OR count(DISTINCT currency) <> 1 OR sum(minor) <> 0)
    THEN RAISE EXCEPTION 'a posting does not balance' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER posting_balances AFTER INSERT ON posting REFERENCING NEW TABLE AS made
FOR EACH STATEMENT EXECUTE FUNCTION posting_balances();

CREATE FUNCTION posting_line_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM made JOIN posting USING (account, posting))
    THEN RAISE EXCEPTION 'a posting is final; correct it with another'
         USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER posting_line_late AFTER INSERT ON posting_line REFERENCING NEW TABLE AS made
FOR EACH STATEMENT EXECUTE FUNCTION posting_line_late();

-- For what may be added to and never changed: says its argument.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER posting_final BEFORE UPDATE OR DELETE ON posting
FOR EACH ROW EXECUTE FUNCTION refuse('a posting is final; correct it with another');
CREATE TRIGGER posting_kept BEFORE TRUNCATE ON posting
FOR EACH STATEMENT EXECUTE FUNCTION refuse('a posting is final; correct it with another');
CREATE TRIGGER posting_line_final BEFORE UPDATE OR DELETE ON posting_line
FOR EACH ROW EXECUTE FUNCTION refuse('a posting is final; correct it with another');
CREATE TRIGGER posting_line_kept BEFORE TRUNCATE ON posting_line
FOR EACH STATEMENT EXECUTE FUNCTION refuse('a posting is final; correct it with another');
CREATE TRIGGER conflict_final BEFORE UPDATE OR DELETE ON conflict
FOR EACH ROW EXECUTE FUNCTION refuse('a conflict is final; raise another');
CREATE TRIGGER conflict_told_final BEFORE UPDATE OR DELETE ON conflict_told
FOR EACH ROW EXECUTE FUNCTION refuse('a conflict is final; raise another');
CREATE TRIGGER conflict_end_final BEFORE UPDATE OR DELETE ON conflict_end
FOR EACH ROW EXECUTE FUNCTION refuse('a conflict is final; raise another');
CREATE TRIGGER conflict_overtaken_final BEFORE UPDATE OR DELETE ON conflict_overtaken
FOR EACH ROW EXECUTE FUNCTION refuse('a conflict is final; raise another');

CREATE TABLE denied (
    account  BYTEA PRIMARY KEY CHECK (octet_length(account) = 16),
    since_ms BIGINT NOT NULL
);

-- Who adds to it waits for whoever did before, so that a cursor's changes are all there once it is seen.
CREATE TABLE feed (
    cursor BIGINT GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    kind   TEXT NOT NULL CHECK (kind IN ('change', 'issuers', 'tariff')),
    change TEXT CHECK ((change IS NULL) = (kind <> 'change'))
);

CREATE TABLE announced (
    kind TEXT PRIMARY KEY CHECK (kind IN ('issuers', 'tariff')),
    text TEXT NOT NULL
);
