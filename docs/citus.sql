-- Splits the tables over the nodes of a Citus cluster: by gate what is a gate's, by account what is a rider's.
-- Optional, once. docs/decisions/0021-citus.md says how it was tried and what it promises.
--
-- Run it on the coordinator after a server has made the schema, while none runs, as the database's owner:
--     psql -v ON_ERROR_STOP=1 -f docs/citus.sql postgres://…
-- All servers go on connecting to the coordinator. A later step of the schema may bring a new table, which stays on
-- the coordinator until it is split in the same way.

-- On every node each row is found by its key: a scan of a whole table would make writers clash. And a transaction
-- looks at shards one after the other, over one connection to each node: then it may also add to a list for all.
-- Later steps of the schema may bring triggers.
SELECT format('ALTER DATABASE %I SET %s', current_database(), says)
FROM unnest(ARRAY['enable_seqscan = off', 'enable_hashjoin = off', 'enable_mergejoin = off',
                  'citus.multi_shard_modify_mode = sequential', 'citus.enable_unsafe_triggers = on']) AS says
\gexec

BEGIN;
-- Triggers of a split table run on each of its shards. Ours look at rows of one account, which lie together.
SET LOCAL citus.enable_unsafe_triggers = on;
SET LOCAL citus.multi_shard_modify_mode = 'sequential';

-- What adds up a posting must read the lines of the shard beside its own.
CREATE OR REPLACE FUNCTION posting_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lines TEXT;
    wrong BOOLEAN;
BEGIN
    SELECT 'posting_line_' || line.shardid INTO lines
    FROM pg_dist_shard AS own JOIN pg_dist_shard AS line ON line.shardminvalue = own.shardminvalue
    WHERE own.logicalrelid = 'posting'::regclass AND line.logicalrelid = 'posting_line'::regclass
      AND own.shardid::TEXT = split_part(TG_TABLE_NAME, '_', 2);
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM made LEFT JOIN %I USING (account, posting)
                    GROUP BY account, posting
                    HAVING count(line) < 2 OR count(DISTINCT currency) <> 1 OR sum(minor) <> 0)',
                   coalesce(lines, 'posting_line')) INTO wrong;
    IF wrong
    THEN RAISE EXCEPTION 'a posting does not balance' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION posting_line_late() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    postings TEXT;
    late BOOLEAN;
BEGIN
    SELECT 'posting_' || posting.shardid INTO postings
    FROM pg_dist_shard AS own JOIN pg_dist_shard AS posting ON posting.shardminvalue = own.shardminvalue
    WHERE own.logicalrelid = 'posting_line'::regclass AND posting.logicalrelid = 'posting'::regclass
      AND own.shardid::TEXT = split_part(TG_TABLE_NAME, '_', 3);
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM made JOIN %I USING (account, posting))',
                   coalesce(postings, 'posting')) INTO late;
    IF late
    THEN RAISE EXCEPTION 'a posting is final; correct it with another'
         USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

-- One list for all, on every node. What refers to it is away until both ends are in their places.
ALTER TABLE posting DROP CONSTRAINT posting_conflict_fkey;
ALTER TABLE correction DROP CONSTRAINT correction_conflict_fkey;
SELECT create_reference_table('gate');
SELECT create_reference_table('conflict');
SELECT create_reference_table('conflict_told');
SELECT create_reference_table('conflict_end');
SELECT create_reference_table('conflict_overtaken');
SELECT create_reference_table('denied_key');

SELECT create_distributed_table('record', 'gate', colocate_with => 'none');
SELECT create_distributed_table('fork', 'gate', colocate_with => 'record');
SELECT create_distributed_table('passage', 'gate', colocate_with => 'record');
SELECT create_distributed_table('mode_change', 'gate', colocate_with => 'record');
SELECT create_distributed_table('mode_command', 'gate', colocate_with => 'record');
SELECT create_distributed_table('let_through', 'gate', colocate_with => 'record');
SELECT create_distributed_table('let_through_command', 'gate', colocate_with => 'record');
SELECT create_distributed_table('config_change', 'gate', colocate_with => 'record');
SELECT create_distributed_table('config_command', 'gate', colocate_with => 'record');
SELECT create_distributed_table('revocation', 'gate', colocate_with => 'record');

SELECT create_distributed_table('tap', 'account', colocate_with => 'none');
SELECT create_distributed_table('journey', 'account', colocate_with => 'tap');
SELECT create_distributed_table('posting', 'account', colocate_with => 'tap');
SELECT create_distributed_table('posting_line', 'account', colocate_with => 'tap');
SELECT create_distributed_table('posting_exit', 'account', colocate_with => 'tap');
SELECT create_distributed_table('operator_share', 'account', colocate_with => 'tap');
SELECT create_distributed_table('denied', 'account', colocate_with => 'tap');
SELECT create_distributed_table('rider', 'account', colocate_with => 'tap');
SELECT create_distributed_table('rider_voucher', 'account', colocate_with => 'tap');
SELECT create_distributed_table('correction', 'account', colocate_with => 'tap');
SELECT create_distributed_table('class_proof', 'account', colocate_with => 'tap');
SELECT create_distributed_table('payer', 'account', colocate_with => 'tap');
SELECT create_distributed_table('collecting', 'account', colocate_with => 'tap');
SELECT create_distributed_table('charge', 'account', colocate_with => 'tap');
SELECT create_distributed_table('charge_item', 'account', colocate_with => 'tap');
SELECT create_distributed_table('charge_try', 'account', colocate_with => 'tap');
SELECT create_distributed_table('charge_refund', 'account', colocate_with => 'tap');
SELECT create_distributed_table('stored_move', 'account', colocate_with => 'tap');
SELECT create_distributed_table('product', 'account', colocate_with => 'tap');
SELECT create_distributed_table('product_use', 'account', colocate_with => 'tap');
SELECT create_distributed_table('price_again', 'account', colocate_with => 'tap');
SELECT create_distributed_table('completed', 'account', colocate_with => 'tap');
SELECT create_distributed_table('exit_alone', 'account', colocate_with => 'tap');
SELECT create_distributed_table('paper_code', 'account', colocate_with => 'tap');
SELECT create_distributed_table('pay_code', 'account', colocate_with => 'tap');
SELECT create_distributed_table('pay_ask', 'account', colocate_with => 'tap');

-- Whose a phone's key is, by the key: what a phone shows first.
SELECT create_distributed_table('rider_key', 'device_key', colocate_with => 'none');

ALTER TABLE posting ADD CONSTRAINT posting_conflict_fkey FOREIGN KEY (conflict) REFERENCES conflict (conflict);
ALTER TABLE correction ADD CONSTRAINT correction_conflict_fkey
    FOREIGN KEY (conflict) REFERENCES conflict (conflict);
COMMIT;

-- On the coordinator stays what is small, or one list for all:
--   announced audit book_close book_proof charge_mark close_shared fare_release fare_table feed incident
--   incident_mark invitation lease schema_version staff staff_answer staff_session
