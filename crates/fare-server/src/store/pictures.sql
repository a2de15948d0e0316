-- Version 9: beside an entry voucher the picture that its rider shows at the exit, as text.
ALTER TABLE rider_voucher ADD COLUMN picture TEXT CHECK (picture IS NULL OR kind = 'entry');
