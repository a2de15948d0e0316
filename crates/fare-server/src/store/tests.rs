//! What the database itself holds to, whatever is asked of it.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::cluster::{Cluster, Scratch};
use fare_protocol::UnixMs;
use std::sync::LazyLock;
use tempfile::TempDir;

mod migrations;

const ACCOUNT: [u8; 16] = [1; 16];
const POSTING: [u8; 16] = [2; 16];

const ENTRY: [u8; 16] = [3; 16];
const JOURNEY: [u8; 16] = [4; 16];

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::shared().unwrap());

/// A new database of each engine.
struct Both {
    urls: [DatabaseUrl; 2],
    _folder: TempDir,
    _scratch: Scratch<'static>,
}

impl Both {
    fn new() -> Self {
        let (_folder, file) = file();
        let _scratch = CLUSTER.database().unwrap();
        Self {
            urls: [(&file).into(), _scratch.url.clone()],
            _folder,
            _scratch,
        }
    }

    /// Each with a journey to post about.
    fn databases(&self) -> [Database; 2] {
        self.urls.each_ref().map(|url| {
            let mut database = Database::open(url).unwrap();
            put_journey(&mut database);
            database
        })
    }
}

fn file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fares.sqlite3");
    (folder, file)
}

fn put_journey(database: &mut Database) {
    let work = |tx: &Tx<'_>| {
        let sql = "INSERT INTO tap (account, id, at_ms, code_ref, gate, envelope, has_place)
                   VALUES ($1, $2, 0, $3, 'PGY-01', $4, 0)";
        tx.run(sql, &[&ACCOUNT, &ENTRY, &[0_u8], &[0_u8]])?;
        let sql = "INSERT INTO gate (gate, key, station, line) VALUES ('PGY-01', $1, 'PGY', '1')";
        tx.run(sql, &[&[7_u8; 32]])?;
        let sql = "INSERT INTO record (gate, seq, id, hash, envelope, answer, at_ms, received_ms)
                   VALUES ('PGY-01', 1, $1, $2, $3, '', 0, 0)";
        tx.run(sql, &[&ENTRY, &[8_u8; 32], &[0_u8]])?;
        let sql = "INSERT INTO journey (account, entry, journey, state, station, line, entered_ms, due_ms)
                   VALUES ($1, $2, $3, 'open', 'PGY', '1', 0, 86400000)";
        tx.run(sql, &[&ACCOUNT, &ENTRY, &JOURNEY])
    };
    database.write(work).unwrap();
}

/// One statement by itself; answers what the database says against it.
fn run(database: &mut Database, sql: &str, values: &[&dyn sql::Bind]) -> Result<u64, String> {
    let done: Result<u64, StoreError> = database.write(|tx| tx.run(sql, values));
    done.map_err(|err| err.to_string())
}

/// Writes the lines and, when asked to, the posting itself; answers what the database says.
fn post(database: &mut Database, lines: &[(i64, &str)], whole: bool) -> Result<(), String> {
    let work = |tx: &Tx<'_>| -> Result<(), StoreError> {
        for (n, (minor, currency)) in (0_i64..).zip(lines) {
            let sql = "INSERT INTO posting_line VALUES ($1, $2, $3, 'held', $4, $5)";
            tx.run(sql, &[&ACCOUNT, &POSTING, &n, minor, currency])?;
        }
        if whole {
            let sql = "INSERT INTO posting VALUES ($1, $2, $3, NULL, 'hold', 0, NULL, NULL)";
            tx.run(sql, &[&ACCOUNT, &POSTING, &ENTRY])?;
        }
        Ok(())
    };
    database.write(work).map_err(|err| err.to_string())
}

#[test]
fn the_database_refuses_postings_that_do_not_balance() {
    Both::new()
        .databases()
        .into_iter()
        .for_each(refuses_unbalanced_postings);
}

fn refuses_unbalanced_postings(mut database: Database) {
    for (lines, whole, said) in [
        (&[(-300, "CNY"), (299, "CNY")][..], true, "does not balance"),
        (&[(-300, "CNY"), (300, "EUR")][..], true, "does not balance"),
        (&[(0, "CNY")][..], true, "does not balance"),
        (&[][..], true, "does not balance"),
        (&[(-300, "CNY"), (300, "CNY")][..], false, "foreign key"),
    ] {
        let refused = post(&mut database, lines, whole).unwrap_err();
        let refused = refused.to_lowercase();
        assert!(refused.contains(said), "{lines:?}: {refused}");
    }
    post(&mut database, &[(-300, "CNY"), (300, "CNY")], true).unwrap();
    assert_eq!(database.read(|tx| tx.books()).unwrap().postings, 1);
}

#[test]
fn a_posting_is_final() {
    Both::new()
        .databases()
        .into_iter()
        .for_each(refuses_changed_postings);
}

fn refuses_changed_postings(mut database: Database) {
    post(&mut database, &[(-300, "CNY"), (300, "CNY")], true).unwrap();
    for sql in [
        "UPDATE posting_line SET minor = 0",
        "DELETE FROM posting_line",
        "UPDATE posting SET kind = 'void'",
        "DELETE FROM posting",
        "INSERT INTO posting_line SELECT account, posting, 9, ledger, 0, currency FROM posting_line LIMIT 1",
    ] {
        let refused = run(&mut database, sql, &[]).unwrap_err();
        assert!(refused.contains("a posting is final"), "{sql}: {refused}");
    }
}

#[test]
fn nothing_final_can_be_replaced_in_sqlite() {
    let both = Both::new();
    let mut database = both.databases().into_iter().next().unwrap();
    post(&mut database, &[(-300, "CNY"), (300, "CNY")], true).unwrap();
    let sql = "INSERT INTO stored_move VALUES ($1, 'a', 'top-up', NULL, 5, 'CNY', 0)";
    run(&mut database, sql, &[&ACCOUNT]).unwrap();
    let sql = "INSERT INTO book_close VALUES (1, 0, 1, 0, $1, '[]', $1, $1, 'Wang', 0)";
    run(&mut database, sql, &[&[7_u8; 32]]).unwrap();
    for table in ["posting", "posting_line", "stored_move", "book_close"] {
        let sql = format!("INSERT OR REPLACE INTO {table} SELECT * FROM {table}");
        let refused = run(&mut database, &sql, &[]).unwrap_err();
        assert!(refused.contains("is final"), "{table}: {refused}");
    }
}

#[test]
fn the_proof_names_what_is_about_nothing_and_what_earned_something_else() {
    for mut database in Both::new().databases() {
        let flaws = |database: &mut Database| {
            let found = database.read(|tx| tx.prove()).unwrap();
            found
                .iter()
                .map(|finding| (finding.flaw.code(), finding.about.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(flaws(&mut database), []);
        let work = |tx: &Tx<'_>| -> Result<(), StoreError> {
            for (line, minor) in [(1, 5_i64), (2, -5)] {
                let sql = "INSERT INTO posting_line VALUES ($1, $2, $3, 'suspense', $4, 'CNY')";
                tx.run(sql, &[&ACCOUNT, &[9_u8; 16], &i64::from(line), &minor])?;
            }
            let sql = "INSERT INTO posting (account, posting, kind, made_ms, charge) VALUES ($1, $2, 'send', 0, $3)";
            tx.run(sql, &[&ACCOUNT, &[9_u8; 16], &[6_u8; 16]])?;
            let sql = "INSERT INTO stored_move VALUES ($1, 'a', 'top-up', NULL, 5, 'CNY', 0)";
            tx.run(sql, &[&ACCOUNT])?;
            Ok(())
        };
        database.write(work).unwrap();
        let sql = "UPDATE journey SET state = 'no-exit', fare_minor = 300, currency = 'CNY'";
        run(&mut database, sql, &[]).unwrap();
        assert_eq!(
            flaws(&mut database),
            [
                ("orphan", "09".repeat(16)),
                ("journey", "03".repeat(16)),
                ("stored-value", "…0101".to_owned()),
            ]
        );
        let found = database.read(|tx| tx.prove()).unwrap();
        let said = found[1].to_string();
        assert!(
            said.ends_with("of account …0101 holds or earned something else than its fare"),
            "{said}"
        );
        let masked = "account …0101 has stored value that is not what the ledger owes it";
        assert_eq!(found[2].to_string(), masked);
    }
}

#[test]
fn a_conflict_is_final_and_ends_once() {
    Both::new()
        .databases()
        .into_iter()
        .for_each(refuses_changed_conflicts);
}

fn refuses_changed_conflicts(mut database: Database) {
    let id = [5_u8; 16];
    for sql in [
        "INSERT INTO conflict VALUES ($1, 'gate:X', 'chain-gap', '7', 1, 0)",
        "INSERT INTO conflict_told VALUES ($1, 1, 0, '', NULL, NULL, '')",
        "INSERT INTO conflict_end (conflict, at_ms, how, person, reason)
         VALUES ($1, 0, 'keep', 'Wang', 'so')",
        "INSERT INTO conflict_overtaken VALUES ($1, 0)",
    ] {
        run(&mut database, sql, &[&id]).unwrap();
    }
    for table in [
        "conflict",
        "conflict_told",
        "conflict_end",
        "conflict_overtaken",
    ] {
        let delete = format!("DELETE FROM {table}");
        let update = format!("UPDATE {table} SET conflict = $1");
        let done = [
            run(&mut database, &delete, &[]),
            run(&mut database, &update, &[&[6_u8; 16]]),
        ];
        for refused in done {
            let refused = refused.unwrap_err();
            assert!(refused.contains("is final"), "{table}: {refused}");
        }
    }
    let again = "INSERT INTO conflict_end (conflict, at_ms, how)
                 SELECT conflict, 0, 'cleared' FROM conflict";
    run(&mut database, again, &[]).unwrap_err();
    let nobody = "INSERT INTO conflict_end (conflict, at_ms, how) VALUES ($1, 0, 'keep')";
    run(&mut database, nobody, &[&[7_u8; 16]]).unwrap_err();
}

#[test]
fn what_staff_did_is_final() {
    let deed = Deed {
        issuer: "local",
        person: "Wang",
        via: Via::Page,
        what: "gate-mode",
        about: "PGY-01",
        why: "crowd",
    };
    for mut database in Both::new().databases() {
        let noted: Result<(), StoreError> = database.write(|tx| tx.audit(&deed, UnixMs(5)));
        noted.unwrap();
        for sql in ["UPDATE audit SET person = 'Li'", "DELETE FROM audit"] {
            let refused = run(&mut database, sql, &[]).unwrap_err();
            assert!(
                refused.contains("what staff did is final"),
                "{sql}: {refused}"
            );
        }
        let done = |span| {
            database
                .read(|tx| tx.audits(span, Some("Wang"), 9))
                .unwrap()
        };
        let (mut done, five) = (done, (UnixMs(5), UnixMs(6)));
        assert_eq!(done(five)[0].what, "gate-mode");
        assert_eq!(done((UnixMs(0), UnixMs(5))), []);
    }
}

#[test]
fn a_session_counts_until_it_is_over_or_ended() {
    for mut database in Both::new().databases() {
        let session = SessionRow {
            issuer: "local".to_owned(),
            subject: "Wang".to_owned(),
            roles: "steward viewer".parse().unwrap(),
            until: UnixMs(100),
        };
        let put = |token: u8, session: &SessionRow, database: &mut Database| {
            let put: Result<(), StoreError> =
                database.write(|tx| tx.insert_session(&[token; 32], session, UnixMs(0)));
            put.unwrap();
        };
        for token in [1, 2] {
            put(token, &session, &mut database);
        }
        let abroad = SessionRow {
            issuer: "https://id.example".to_owned(),
            ..session.clone()
        };
        put(3, &abroad, &mut database);
        let there = |token: u8, at, database: &mut Database| {
            database
                .read(|tx| tx.session(&[token; 32], UnixMs(at)))
                .unwrap()
        };
        assert_eq!(
            there(1, 99, &mut database).unwrap().roles.to_string(),
            "viewer steward"
        );
        assert_eq!(there(1, 100, &mut database), None);
        let ended: Result<(), StoreError> = database.write(|tx| tx.end_session(&[1; 32]));
        ended.unwrap();
        assert_eq!(there(1, 99, &mut database), None);
        let put: Result<bool, StoreError> =
            database.write(|tx| tx.put_staff("Wang", "$", &session.roles, UnixMs(50)));
        assert!(put.unwrap());
        assert_eq!(there(2, 99, &mut database), None);
        assert_eq!(
            there(3, 99, &mut database),
            Some(abroad),
            "another issuer's person"
        );
        let forgotten: Result<(), StoreError> =
            database.write(|tx| tx.forget_sessions(UnixMs(100)));
        forgotten.unwrap();
        assert_eq!(there(3, 99, &mut database), None);
        let ended: Result<bool, StoreError> = database.write(|tx| tx.end_staff("Wang", UnixMs(60)));
        assert!(ended.unwrap());
        let row = database.read(|tx| tx.staff("Wang")).unwrap().unwrap();
        assert_eq!(row.ended, Some(UnixMs(60)));
    }
}

#[test]
fn books_that_say_something_else_than_the_journeys_do_not_balance() {
    Both::new()
        .databases()
        .into_iter()
        .for_each(balances_as_journeys_say);
}

fn balances_as_journeys_say(mut database: Database) {
    assert!(database.read(|tx| tx.books()).unwrap().balanced);
    // Both lines are of `held`, so that the posting balances and moves nothing.
    post(&mut database, &[(-300, "CNY"), (300, "CNY")], true).unwrap();
    assert!(database.read(|tx| tx.books()).unwrap().balanced);
    let sql =
        "UPDATE journey SET state = 'closed', exit = entry, exit_station = 'XDN', left_ms = 1,
               fare_minor = 300, currency = 'CNY'";
    run(&mut database, sql, &[]).unwrap();
    assert!(
        !database.read(|tx| tx.books()).unwrap().balanced,
        "a journey closed for nothing"
    );
}

fn pragma(database: &mut Database, name: &str) -> String {
    let read = |tx: &Tx<'_>| {
        tx.only(&format!("PRAGMA {name}"), &[])?
            .get::<sql::Value>(0)
    };
    format!("{:?}", database.read(read).unwrap())
}

#[test]
fn a_database_opens_again_and_a_newer_one_does_not() {
    let both = Both::new();
    for (url, newer) in both.urls.iter().zip([
        "PRAGMA user_version = 99",
        "UPDATE schema_version SET version = 99",
    ]) {
        drop(Database::open(url).unwrap());
        let mut database = Database::open(url).unwrap();
        database.engine.get_mut().script(newer).unwrap();
        drop(database);
        let refused = Database::open(url).err().unwrap().to_string();
        let known = MIGRATIONS.len();
        let said = format!(
            "the database has schema 99, this program knows up to {known}; use a newer one"
        );
        assert_eq!(refused, said);
    }
}

#[test]
fn a_statement_for_one_row_does_for_many() {
    Both::new().databases().into_iter().for_each(does_many_rows);
}

fn does_many_rows(mut database: Database) {
    use sql::{Bind, Value};
    let id = |n: u8| [n; 16].value();
    let rows = [10_u8, 11, 12].map(|n| vec![id(n), id(n), i64::from(n).value(), Value::Null]);
    let work = |tx: &Tx<'_>| -> Result<_, StoreError> {
        let insert =
            "INSERT INTO tap (account, id, at_ms, code_ref, gate, envelope, has_place, passage)
                      VALUES ($1, $2, $3, $1, 'PGY-01', $1, 0, $4)";
        assert_eq!(tx.run_each(insert, &rows)?, 3);
        let update = "UPDATE tap SET at_ms = $1 WHERE account = $2 AND id = $2";
        let changed = [vec![99_i64.value(), id(11)], vec![77_i64.value(), id(66)]];
        assert_eq!(tx.run_each(update, &changed)?, 1);
        let ask = "SELECT at_ms FROM tap WHERE account = $1 AND at_ms > $2 ORDER BY at_ms LIMIT 1";
        let asked = [10_u8, 11, 12, 66].map(|n| vec![id(n), 10_i64.value()]);
        tx.each(ask, &asked)
    };
    let found = database.write(work).unwrap();
    let number = |rows: &Vec<sql::Row>| rows.iter().map(|row| row.get(0).unwrap()).collect();
    let numbers: Vec<Vec<i64>> = found.iter().map(number).collect();
    assert_eq!(numbers, [vec![], vec![99], vec![12], vec![]]);
}

#[test]
fn the_file_is_safe_against_power_cuts() {
    let (_folder, file) = file();
    let mut database = Database::open(&file).unwrap();
    assert_eq!(pragma(&mut database, "journal_mode"), "Text(\"wal\")");
    assert_eq!(pragma(&mut database, "synchronous"), "Int(2)");
    assert_eq!(pragma(&mut database, "foreign_keys"), "Int(1)");
    assert!(
        rusqlite::version_number() >= 3_051_003,
        "older ones can lose a WAL"
    );
}

#[tokio::test]
async fn work_that_panics_is_undone_and_the_store_goes_on() {
    let both = Both::new();
    for url in &both.urls {
        let (store, thread) = Store::open(url).unwrap();
        let account = fare_protocol::AccountId(ACCOUNT);
        let panics = move |tx: &Tx<'_>| -> Result<(), StoreError> {
            tx.deny(account, UnixMs(0))?;
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
}

#[tokio::test]
async fn writes_are_noticed_by_whoever_made_them() {
    let both = Both::new();
    for url in &both.urls {
        let (store, _thread) = Store::open(url).unwrap();
        let account = fare_protocol::AccountId(ACCOUNT);
        let deny = move |tx: &Tx<'_>| tx.deny(account, UnixMs(0));
        let mut changes = store.changes();
        store.write(deny).await.unwrap();
        changes.changed().await.unwrap();
        let allow = || Database::open(url).unwrap().write(|tx| tx.allow(account));
        thread::scope(|scope| scope.spawn(allow).join().unwrap().unwrap());
        store.look().await.unwrap();
        changes.changed().await.unwrap();
    }
}

#[test]
fn a_lost_connection_is_made_again() {
    let scratch = CLUSTER.database().unwrap();
    let mut database = Database::open(&scratch.url).unwrap();
    let account = fare_protocol::AccountId(ACCOUNT);
    let cut = "SELECT pg_terminate_backend(pg_backend_pid())";
    let lost = database.engine.get_mut().script(cut).unwrap_err();
    // The server's last word, unless the connection is gone before it is read.
    let said = lost.to_string();
    assert!(said.contains("57P01") || said.contains("closed"), "{said}");
    let deny = |tx: &Tx<'_>| tx.deny(account, UnixMs(0));
    assert!(database.write(deny).unwrap());
}
