-- Version 22: what desks pay back, and journeys to be priced again.
-- What was paid back of a product that journeys had used; how many may use it since, and no others.
ALTER TABLE product ADD COLUMN refunded_ms INTEGER;
ALTER TABLE product ADD COLUMN refunded_minor INTEGER NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0);
ALTER TABLE product ADD COLUMN uses_kept INTEGER;
-- What was paid back of a paper code.
ALTER TABLE paper_code ADD COLUMN refunded_ms INTEGER;
ALTER TABLE paper_code ADD COLUMN refunded_minor INTEGER CHECK (refunded_minor >= 0);
-- Journeys of which a person's decision gave back what they had used: what began later is to be priced again.
CREATE TABLE price_again (
    account BLOB NOT NULL CHECK (length(account) = 16),
    entry   BLOB NOT NULL CHECK (length(entry) = 16),
    PRIMARY KEY (account, entry)
) STRICT;
