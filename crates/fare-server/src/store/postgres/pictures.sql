-- Version 9: pictures.sql in PostgreSQL's words.
ALTER TABLE rider_voucher ADD COLUMN picture TEXT CHECK (picture IS NULL OR kind = 'entry');
