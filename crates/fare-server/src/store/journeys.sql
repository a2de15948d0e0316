-- Version 5: journeys whose day ends without an exit, and incidents in which that costs nothing.

-- SQLite cannot widen a table in place; the foreign keys are off while this runs and are checked afterwards.
CREATE TABLE journey_wider (
    account    BLOB NOT NULL,
    entry      BLOB NOT NULL,
    journey    BLOB NOT NULL CHECK (length(journey) = 16),
    state      TEXT NOT NULL CHECK (state IN
                 ('tapped', 'annulled', 'open', 'incomplete', 'unpriced', 'held', 'closed', 'no-exit')),
    station    TEXT NOT NULL,
    line       TEXT NOT NULL,
    entered_ms INTEGER NOT NULL,
    -- When it ends without an exit.
    due_ms     INTEGER NOT NULL,
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
    CHECK (state = 'no-exit' OR (fare_minor IS NOT NULL) = (state IN ('held', 'closed'))),
    CHECK ((fare_minor IS NULL) = (currency IS NULL)),
    CHECK ((exit IS NULL) = (left_ms IS NULL) AND (exit IS NULL) = (exit_station IS NULL))
) STRICT;
-- Two days after the entry for those that were there before: no service day lasts longer.
INSERT INTO journey_wider SELECT account, entry, journey, state, station, line, entered_ms,
       entered_ms + 172800000, exit, exit_station, left_ms, fare_minor, currency FROM journey;
DROP TABLE journey;
ALTER TABLE journey_wider RENAME TO journey;
CREATE INDEX journey_recent ON journey (entered_ms);
CREATE INDEX journey_inside ON journey (entered_ms) WHERE state IN ('open', 'held');
CREATE INDEX journey_due ON journey (due_ms) WHERE state IN ('open', 'incomplete');
-- An account's journeys in the order of time: caps, discounts and transfers look at them.
CREATE INDEX journey_order ON journey (account, entered_ms);

-- When riders could not leave as they should: no maximum fare for journeys that were open then.
CREATE TABLE incident (
    incident  BLOB PRIMARY KEY CHECK (length(incident) = 16),
    -- Where the rider entered; everywhere when there is none.
    station   TEXT,
    from_ms   INTEGER NOT NULL,
    until_ms  INTEGER NOT NULL CHECK (until_ms > from_ms),
    person    TEXT NOT NULL,
    reason    TEXT NOT NULL,
    made_ms   INTEGER NOT NULL
) STRICT;
CREATE INDEX incident_until ON incident (until_ms);
CREATE TRIGGER incident_update BEFORE UPDATE ON incident
BEGIN SELECT RAISE(ABORT, 'an incident is final; add another'); END;
CREATE TRIGGER incident_delete BEFORE DELETE ON incident
BEGIN SELECT RAISE(ABORT, 'an incident is final; add another'); END;
