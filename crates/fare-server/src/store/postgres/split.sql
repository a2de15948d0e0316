-- Version 26: split.sql in PostgreSQL's words. Besides, nothing is in the way any more of splitting the tables by
-- account and by gate (docs/citus.sql): no key that must be unique among all accounts, and no row of one list for
-- all that refers to a row of one account. That a decision is about a tap that is there the program sees to.
CREATE TABLE rider_key (
    device_key BYTEA PRIMARY KEY CHECK (octet_length(device_key) = 32),
    account    BYTEA NOT NULL CHECK (octet_length(account) = 16)
);
INSERT INTO rider_key SELECT device_key, account FROM rider;
ALTER TABLE rider DROP CONSTRAINT rider_device_key_key;
ALTER TABLE conflict_end DROP CONSTRAINT conflict_end_account_tap_fkey;
