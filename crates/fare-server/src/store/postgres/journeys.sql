-- Version 5: journeys.sql in PostgreSQL's words.
ALTER TABLE journey ADD COLUMN due_ms BIGINT;
UPDATE journey SET due_ms = entered_ms + 172800000;
ALTER TABLE journey ALTER COLUMN due_ms SET NOT NULL;
ALTER TABLE journey DROP CONSTRAINT journey_state_check;
ALTER TABLE journey ADD CONSTRAINT journey_state_check CHECK (state IN
    ('tapped', 'annulled', 'open', 'incomplete', 'unpriced', 'held', 'closed', 'no-exit'));
-- The check of the fare, which version 2 left to PostgreSQL to name.
DO $$
DECLARE known TEXT;
BEGIN
    SELECT conname INTO known FROM pg_constraint
    WHERE conrelid = 'journey'::regclass AND contype = 'c'
      AND pg_get_constraintdef(oid) LIKE '%fare_minor IS NOT NULL%'
      AND pg_get_constraintdef(oid) LIKE '%held%';
    EXECUTE format('ALTER TABLE journey DROP CONSTRAINT %I', known);
END $$;
ALTER TABLE journey ADD CONSTRAINT journey_fare_check CHECK
    (state = 'no-exit' OR (fare_minor IS NOT NULL) = (state IN ('held', 'closed')));
CREATE INDEX journey_due ON journey (due_ms) WHERE state IN ('open', 'incomplete');
CREATE INDEX journey_order ON journey (account, entered_ms);

CREATE TABLE incident (
    incident  BYTEA PRIMARY KEY CHECK (octet_length(incident) = 16),
    station   TEXT COLLATE "C",
    from_ms   BIGINT NOT NULL,
    until_ms  BIGINT NOT NULL CHECK (until_ms > from_ms),
    person    TEXT NOT NULL,
    reason    TEXT NOT NULL,
    made_ms   BIGINT NOT NULL
);
CREATE INDEX incident_until ON incident (until_ms);
CREATE TRIGGER incident_final BEFORE UPDATE OR DELETE ON incident
FOR EACH ROW EXECUTE FUNCTION refuse('an incident is final; add another');
