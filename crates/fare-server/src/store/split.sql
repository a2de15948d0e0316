-- Version 26: whose each phone's key is, by the key. With it a phone is found where riders are split by their
-- accounts: docs/citus.sql.
CREATE TABLE rider_key (
    device_key BLOB PRIMARY KEY CHECK (length(device_key) = 32),
    account    BLOB NOT NULL CHECK (length(account) = 16)
) STRICT;
INSERT INTO rider_key SELECT device_key, account FROM rider;
