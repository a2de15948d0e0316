-- How the schema would be split over the nodes of a Citus cluster: by account, and by gate for the chains.
-- NOT TRIED: no Citus was at hand. Run it once, on the coordinator, after a server has made the schema and
-- before there is data. All servers connect to the coordinator.
--
-- In the way, as far as the manual tells: triggers on split tables need citus.enable_unsafe_triggers, and
-- those that add up a statement (posting_balances, posting_line_late) use transition tables, which split
-- tables may refuse; then `fareserver books` is what still finds a posting that does not balance.
-- A reference table cannot refer to a split one, so conflict_end loses its key to tap.

ALTER TABLE conflict_end DROP CONSTRAINT conflict_end_account_tap_fkey;
SELECT create_reference_table('gate');
SELECT create_reference_table('conflict');
SELECT create_reference_table('conflict_told');
SELECT create_reference_table('conflict_end');
SELECT create_reference_table('conflict_overtaken');
SELECT create_reference_table('denied');
SELECT create_reference_table('denied_key');
SELECT create_reference_table('charge_mark');

SELECT create_distributed_table('record', 'gate');
SELECT create_distributed_table('fork', 'gate', colocate_with => 'record');
SELECT create_distributed_table('passage', 'gate', colocate_with => 'record');

SELECT create_distributed_table('tap', 'account');
SELECT create_distributed_table('journey', 'account', colocate_with => 'tap');
SELECT create_distributed_table('posting', 'account', colocate_with => 'tap');
SELECT create_distributed_table('posting_line', 'account', colocate_with => 'tap');
SELECT create_distributed_table('posting_exit', 'account', colocate_with => 'tap');
SELECT create_distributed_table('operator_share', 'account', colocate_with => 'tap');
SELECT create_distributed_table('payer', 'account', colocate_with => 'tap');
SELECT create_distributed_table('collecting', 'account', colocate_with => 'tap');
SELECT create_distributed_table('paper_code', 'account', colocate_with => 'tap');
SELECT create_distributed_table('pay_code', 'account', colocate_with => 'tap');
SELECT create_distributed_table('pay_ask', 'account', colocate_with => 'tap');
SELECT create_distributed_table('charge', 'account', colocate_with => 'tap');
SELECT create_distributed_table('charge_item', 'account', colocate_with => 'tap');
SELECT create_distributed_table('charge_try', 'account', colocate_with => 'tap');
SELECT create_distributed_table('charge_refund', 'account', colocate_with => 'tap');
SELECT create_distributed_table('stored_move', 'account', colocate_with => 'tap');
SELECT create_distributed_table('class_proof', 'account', colocate_with => 'tap');
SELECT create_distributed_table('completed', 'account', colocate_with => 'tap');
SELECT create_distributed_table('exit_alone', 'account', colocate_with => 'tap');
SELECT create_distributed_table('product', 'account', colocate_with => 'tap');
SELECT create_distributed_table('price_again', 'account', colocate_with => 'tap');
SELECT create_distributed_table('product_use', 'account', colocate_with => 'tap');
-- book_close, book_proof, close_shared, incident, incident_mark, feed, announced, invitation, lease and schema_version stay on the coordinator.
