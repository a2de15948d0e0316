//! What the database itself holds to, whatever is asked of it.
#![allow(clippy::unwrap_used)]

use super::*;
use tempfile::TempDir;

const ACCOUNT: [u8; 16] = [1; 16];
const POSTING: [u8; 16] = [2; 16];

/// A database with a journey to post about.
fn database() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("fares.sqlite3")).unwrap();
    let sql = "INSERT INTO tap (account, id, at_ms, code_ref, gate, envelope, has_place)
               VALUES (x'01010101010101010101010101010101',
                 x'03030303030303030303030303030303', 0, x'00', 'PGY-01', x'00', 0);
               INSERT INTO journey (account, entry, journey, state, station, line, entered_ms)
               VALUES (x'01010101010101010101010101010101', x'03030303030303030303030303030303',
                 x'04040404040404040404040404040404', 'open', 'PGY', '1', 0)";
    database.connection.execute_batch(sql).unwrap();
    (folder, database)
}

/// Writes the lines and, when asked to, the posting itself; answers what the database says.
fn post(database: &mut Database, lines: &[(i64, &str)], whole: bool) -> Result<(), String> {
    let work = |tx: &Tx<'_>| -> Result<(), StoreError> {
        for (n, (minor, currency)) in (0_i64..).zip(lines) {
            let sql = "INSERT INTO posting_line VALUES ($1, $2, $3, 'held', $4, $5)";
            tx.0.execute(sql, (ACCOUNT, POSTING, n, minor, currency))?;
        }
        if whole {
            let sql = "INSERT INTO posting VALUES ($1, $2, $3, NULL, 'hold', 0)";
            tx.0.execute(sql, (ACCOUNT, POSTING, [3_u8; 16]))?;
        }
        Ok(())
    };
    database.write(work).map_err(|err| err.to_string())
}

#[test]
fn the_database_refuses_postings_that_do_not_balance() {
    let (_folder, mut database) = database();
    for (lines, whole, said) in [
        (&[(-300, "CNY"), (299, "CNY")][..], true, "does not balance"),
        (&[(-300, "CNY"), (300, "EUR")][..], true, "does not balance"),
        (&[(0, "CNY")][..], true, "does not balance"),
        (&[][..], true, "does not balance"),
        (&[(-300, "CNY"), (300, "CNY")][..], false, "FOREIGN KEY"),
    ] {
        let refused = post(&mut database, lines, whole).unwrap_err();
        assert!(refused.contains(said), "{lines:?}: {refused}");
    }
    post(&mut database, &[(-300, "CNY"), (300, "CNY")], true).unwrap();
    assert_eq!(database.read(|tx| tx.books()).unwrap().postings, 1);
}

#[test]
fn a_posting_is_final() {
    let (_folder, mut database) = database();
    post(&mut database, &[(-300, "CNY"), (300, "CNY")], true).unwrap();
    for sql in [
        "UPDATE posting_line SET minor = 0",
        "DELETE FROM posting_line",
        "UPDATE posting SET kind = 'void'",
        "DELETE FROM posting",
        "INSERT INTO posting_line SELECT account, posting, 9, ledger, 0, currency FROM posting_line",
    ] {
        let refused = database
            .connection
            .execute(sql, [])
            .unwrap_err()
            .to_string();
        assert!(refused.contains("a posting is final"), "{sql}: {refused}");
    }
}

#[test]
fn a_conflict_is_final_and_ends_once() {
    let (_folder, database) = database();
    let sql = "INSERT INTO conflict VALUES (x'05050505050505050505050505050505', 'gate:X', 'chain-gap',
                 '7', 1, 0);
               INSERT INTO conflict_told VALUES (x'05050505050505050505050505050505', 1, 0, '', NULL,
                 NULL, '');
               INSERT INTO conflict_end (conflict, at_ms, how, person, reason)
               VALUES (x'05050505050505050505050505050505', 0, 'keep', 'Wang', 'so');
               INSERT INTO conflict_overtaken VALUES (x'05050505050505050505050505050505', 0)";
    database.connection.execute_batch(sql).unwrap();
    for table in [
        "conflict",
        "conflict_told",
        "conflict_end",
        "conflict_overtaken",
    ] {
        for sql in [
            format!("DELETE FROM {table}"),
            format!("UPDATE {table} SET conflict = x'06'"),
        ] {
            let refused = database.connection.execute(&sql, []).unwrap_err();
            assert!(refused.to_string().contains("is final"), "{sql}: {refused}");
        }
    }
    let again = "INSERT INTO conflict_end (conflict, at_ms, how)
                 SELECT conflict, 0, 'cleared' FROM conflict";
    assert!(database.connection.execute(again, []).is_err());
    let nobody = "INSERT INTO conflict_end (conflict, at_ms, how) VALUES (x'07', 0, 'keep')";
    assert!(database.connection.execute(nobody, []).is_err());
}

#[test]
fn a_file_of_version_1_is_brought_up_to_date_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fares.sqlite3");
    let old = Connection::open(&file).unwrap();
    old.execute_batch(MIGRATIONS[0]).unwrap();
    let sql = "INSERT INTO tap VALUES (x'01010101010101010101010101010101',
                 x'03030303030303030303030303030303', 0, x'00', 'PGY-01', x'00', '\"unknown\"', 0);
               INSERT INTO journey (account, entry, journey, state, station, line, entered_ms)
               VALUES (x'01010101010101010101010101010101', x'03030303030303030303030303030303',
                 x'04040404040404040404040404040404', 'open', 'PGY', '1', 0);
               BEGIN;
               INSERT INTO posting_line VALUES
                 (x'01010101010101010101010101010101', x'02020202020202020202020202020202', 1, 'held',
                  300, 'CNY'),
                 (x'01010101010101010101010101010101', x'02020202020202020202020202020202', 2, 'held',
                  -300, 'CNY');
               INSERT INTO posting VALUES (x'01010101010101010101010101010101',
                 x'02020202020202020202020202020202', x'03030303030303030303030303030303', 'hold', 0);
               COMMIT;
               INSERT INTO conflict VALUES ('gate:PGY-01', 'chain-gap', '7', 'records are missing', 5, 9),
                                           ('gate:PGY-01', 'chain-gap', '9', 'and here', 6, NULL);
               PRAGMA user_version = 1;";
    old.execute_batch(sql).unwrap();
    drop(old);
    let mut database = Database::open(&file).unwrap();
    let standing = database.read(|tx| tx.conflict_views(10)).unwrap();
    assert_eq!(standing.len(), 1);
    assert_eq!(
        (standing[0].kind.as_str(), standing[0].detail.as_str()),
        ("chain-gap", "and here")
    );
    assert_eq!(database.read(|tx| tx.conflicts(true, 10)).unwrap().len(), 2);
    let books = database.read(|tx| tx.books()).unwrap();
    assert!(books.balanced && books.postings == 1);
    post(&mut database, &[(-300, "CNY"), (299, "CNY")], true).unwrap_err();
    let keys: i64 = database
        .connection
        .pragma_query_value(None, "foreign_keys", |row| row.get(0))
        .unwrap();
    assert_eq!(keys, 1);
}

#[test]
fn books_that_say_something_else_than_the_journeys_do_not_balance() {
    let (_folder, mut database) = database();
    assert!(database.read(|tx| tx.books()).unwrap().balanced);
    // Both lines are of `held`, so that the posting balances and moves nothing.
    post(&mut database, &[(-300, "CNY"), (300, "CNY")], true).unwrap();
    assert!(database.read(|tx| tx.books()).unwrap().balanced);
    let sql =
        "UPDATE journey SET state = 'closed', exit = entry, exit_station = 'XDN', left_ms = 1,
               fare_minor = 300, currency = 'CNY'";
    database.connection.execute(sql, []).unwrap();
    assert!(
        !database.read(|tx| tx.books()).unwrap().balanced,
        "a journey closed for nothing"
    );
}

#[test]
fn a_file_opens_again_and_a_newer_one_does_not() {
    let (folder, database) = database();
    drop(database);
    let file = folder.path().join("fares.sqlite3");
    let database = Database::open(&file).unwrap();
    database
        .connection
        .pragma_update(None, "user_version", 99)
        .unwrap();
    drop(database);
    let refused = Database::open(&file).err().unwrap().to_string();
    assert_eq!(
        refused,
        "the database has schema 99, this program knows up to 2; use a newer one"
    );
}

#[test]
fn the_file_is_safe_against_power_cuts() {
    let (_folder, database) = database();
    let pragma = |name: &str| -> String {
        let value = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
        format!(
            "{:?}",
            database
                .connection
                .pragma_query_value(None, name, value)
                .unwrap()
        )
    };
    assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
    assert_eq!(pragma("synchronous"), "Integer(2)");
    assert_eq!(pragma("foreign_keys"), "Integer(1)");
    assert!(
        rusqlite::version_number() >= 3_051_003,
        "older ones can lose a WAL"
    );
}

#[tokio::test]
async fn work_that_panics_is_undone_and_the_store_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (store, thread) = Store::open(&folder.path().join("fares.sqlite3")).unwrap();
    let account = fare_protocol::AccountId(ACCOUNT);
    let panics = move |tx: &Tx<'_>| -> Result<(), StoreError> {
        tx.deny(account, fare_protocol::UnixMs(0))?;
        panic!("on purpose");
    };
    assert!(matches!(store.write(panics).await, Err(StoreError::Gone)));
    assert!(
        store
            .read(|tx| tx.news(0))
            .await
            .is_ok_and(|news| news.changes.is_empty())
    );
    drop(store);
    thread.join().unwrap();
}

#[tokio::test]
async fn writes_are_noticed_by_whoever_made_them() {
    let (folder, database) = database();
    drop(database);
    let file = folder.path().join("fares.sqlite3");
    let (store, _thread) = Store::open(&file).unwrap();
    let account = fare_protocol::AccountId(ACCOUNT);
    let deny = move |tx: &Tx<'_>| tx.deny(account, fare_protocol::UnixMs(0));
    let mut changes = store.changes();
    store.write(deny).await.unwrap();
    changes.changed().await.unwrap();
    Database::open(&file)
        .unwrap()
        .write(|tx| tx.allow(account))
        .unwrap();
    store.look().await.unwrap();
    changes.changed().await.unwrap();
}
