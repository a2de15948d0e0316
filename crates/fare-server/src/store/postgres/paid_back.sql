-- Version 22: paid_back.sql in PostgreSQL's words.
-- What was paid back of a product that journeys had used; how many may use it since, and no others.
ALTER TABLE product ADD COLUMN refunded_ms BIGINT;
ALTER TABLE product ADD COLUMN refunded_minor BIGINT NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0);
ALTER TABLE product ADD COLUMN uses_kept BIGINT;
-- What was paid back of a paper code.
ALTER TABLE paper_code ADD COLUMN refunded_ms BIGINT;
ALTER TABLE paper_code ADD COLUMN refunded_minor BIGINT CHECK (refunded_minor >= 0);
-- Journeys of which a person's decision gave back what they had used: what began later is to be priced again.
CREATE TABLE price_again (
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    entry   BYTEA NOT NULL CHECK (octet_length(entry) = 16),
    PRIMARY KEY (account, entry)
);
