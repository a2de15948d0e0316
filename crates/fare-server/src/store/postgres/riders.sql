-- Version 4: riders.sql in PostgreSQL's words.
-- One row for each phone's key; who holds it is known to nobody here.
CREATE TABLE rider (
    account     BYTEA PRIMARY KEY CHECK (octet_length(account) = 16),
    device_key  BYTEA NOT NULL UNIQUE CHECK (octet_length(device_key) = 32),
    class       TEXT NOT NULL CHECK (class IN ('adult', 'child', 'student', 'senior', 'disabled', 'staff')),
    enrolled_ms BIGINT NOT NULL
);

-- The vouchers about an enrolled rider's journeys, numbered as they were made: what a phone asks after.
CREATE TABLE rider_voucher (
    account  BYTEA NOT NULL REFERENCES rider,
    number   BIGINT NOT NULL CHECK (number > 0),
    entry    BYTEA NOT NULL CHECK (octet_length(entry) = 16),
    kind     TEXT NOT NULL CHECK (kind IN ('entry', 'exit')),
    envelope BYTEA NOT NULL,
    made_ms  BIGINT NOT NULL,
    PRIMARY KEY (account, number)
);
CREATE INDEX rider_voucher_entry ON rider_voucher (account, entry, number);

-- Where riders say that they left, for journeys whose exit is missing; staff decide the conflict.
CREATE TABLE correction (
    account  BYTEA NOT NULL REFERENCES rider,
    entry    BYTEA NOT NULL,
    station  TEXT NOT NULL,
    left_ms  BIGINT NOT NULL,
    note     TEXT NOT NULL,
    sent_ms  BIGINT NOT NULL,
    conflict BYTEA NOT NULL REFERENCES conflict,
    PRIMARY KEY (account, entry),
    FOREIGN KEY (account, entry) REFERENCES journey (account, entry)
);
CREATE TRIGGER correction_final BEFORE UPDATE OR DELETE ON correction
FOR EACH ROW EXECUTE FUNCTION refuse('what a rider said stays as it was said');
