-- Version 4: riders whom this server has enrolled, what their phones are told, and what they say is missing.

-- One row for each phone's key; who holds it is known to nobody here.
CREATE TABLE rider (
    account     BLOB PRIMARY KEY CHECK (length(account) = 16),
    device_key  BLOB NOT NULL UNIQUE CHECK (length(device_key) = 32),
    class       TEXT NOT NULL CHECK (class IN ('adult', 'child', 'student', 'senior', 'disabled', 'staff')),
    enrolled_ms INTEGER NOT NULL
) STRICT;

-- The vouchers about an enrolled rider's journeys, numbered as they were made: what a phone asks after.
CREATE TABLE rider_voucher (
    account  BLOB NOT NULL REFERENCES rider,
    number   INTEGER NOT NULL CHECK (number > 0),
    entry    BLOB NOT NULL CHECK (length(entry) = 16),
    kind     TEXT NOT NULL CHECK (kind IN ('entry', 'exit')),
    envelope BLOB NOT NULL,
    made_ms  INTEGER NOT NULL,
    PRIMARY KEY (account, number)
) STRICT;
CREATE INDEX rider_voucher_entry ON rider_voucher (account, entry, number);

-- Where riders say that they left, for journeys whose exit is missing; staff decide the conflict.
CREATE TABLE correction (
    account  BLOB NOT NULL REFERENCES rider,
    entry    BLOB NOT NULL,
    station  TEXT NOT NULL,
    left_ms  INTEGER NOT NULL,
    note     TEXT NOT NULL,
    sent_ms  INTEGER NOT NULL,
    conflict BLOB NOT NULL REFERENCES conflict,
    PRIMARY KEY (account, entry),
    FOREIGN KEY (account, entry) REFERENCES journey (account, entry)
) STRICT;
CREATE TRIGGER correction_update BEFORE UPDATE ON correction
BEGIN SELECT RAISE(ABORT, 'what a rider said stays as it was said'); END;
CREATE TRIGGER correction_delete BEFORE DELETE ON correction
BEGIN SELECT RAISE(ABORT, 'what a rider said stays as it was said'); END;
