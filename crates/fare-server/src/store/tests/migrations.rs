//! Databases of old versions, brought up to date.

use super::*;

#[test]
fn a_file_of_version_1_is_brought_up_to_date_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fares.sqlite3");
    let old = rusqlite::Connection::open(&file).unwrap();
    old.execute_batch(MIGRATIONS[0].sqlite).unwrap();
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
    assert_eq!(database.read(|tx| tx.sums()).unwrap().postings, 1);
    let found = database.read(|tx| tx.prove()).unwrap();
    let flaws: Vec<_> = found.iter().map(|finding| finding.flaw).collect();
    assert_eq!(flaws, [Flaw::NoRecord], "the file had a tap and no record");
    post(&mut database, &[(-300, "CNY"), (299, "CNY")], true).unwrap_err();
    assert_eq!(pragma(&mut database, "foreign_keys"), "Int(1)");
}

/// A database as the program of that version made it.
fn old(url: &DatabaseUrl, version: usize) -> Database {
    let mut database = Database {
        engine: RefCell::new(sql::open(url).unwrap()),
        faults: Faults::default(),
        state: String::new(),
    };
    database.migrate(&MIGRATIONS[..version]).unwrap();
    database
}

/// PostgreSQL began with version 2; riders came with version 4.
#[test]
fn databases_of_old_versions_are_brought_up_to_date_with_all_that_is_in_them() {
    for version in [2, 4] {
        for url in &Both::new().urls {
            let mut database = old(url, version);
            fill(&mut database, version);
            drop(database);
            look_at_filled(&mut Database::open(url).unwrap(), version);
        }
    }
}

const PHONE: &str = "18a565e7b8ec0fdb64e9858ffa75e685f2fa1b843dbe0a067df7f7dec28cc9a6";

fn fill(database: &mut Database, version: usize) {
    let work = |tx: &Tx<'_>| -> Result<(), StoreError> {
        let sql = "INSERT INTO tap (account, id, at_ms, code_ref, gate, envelope, has_place)
                   VALUES ($1, $2, 0, $3, 'PGY-01', $4, 0)";
        tx.run(sql, &[&ACCOUNT, &ENTRY, &[0_u8], &[0_u8]])?;
        let sql = "INSERT INTO journey (account, entry, journey, state, station, line, entered_ms)
                   VALUES ($1, $2, $3, 'open', 'PGY', '1', 0)";
        tx.run(sql, &[&ACCOUNT, &ENTRY, &JOURNEY])?;
        for (line, minor) in [(1_i64, 300_i64), (2, -300)] {
            let sql = "INSERT INTO posting_line VALUES ($1, $2, $3, 'held', $4, 'CNY')";
            tx.run(sql, &[&ACCOUNT, &POSTING, &line, &minor])?;
        }
        let sql = "INSERT INTO posting (account, posting, entry, kind, made_ms)
                   VALUES ($1, $2, $3, 'hold', 0)";
        tx.run(sql, &[&ACCOUNT, &POSTING, &ENTRY])?;
        let conflict = [5_u8; 16];
        let sql = "INSERT INTO conflict VALUES ($1, 'gate:PGY-01', 'chain-gap', '7', 1, 5)";
        tx.run(sql, &[&conflict])?;
        let proposal = r#"{"decision":"keep","why":"ask-people"}"#;
        let sql = "INSERT INTO conflict_told (conflict, line, told_ms, detail, proposal)
                   VALUES ($1, 1, 5, 'records are missing', $2)";
        tx.run(sql, &[&conflict, &proposal])?;
        tx.run("INSERT INTO denied VALUES ($1, 7)", &[&ACCOUNT])?;
        if version >= 4 {
            let sql = "INSERT INTO rider VALUES ($1, $2, 'adult', 9)";
            let phone: PublicKey = PHONE.parse().unwrap();
            tx.run(sql, &[&ACCOUNT, &phone.to_bytes()])?;
        }
        Ok(())
    };
    database.write(work).unwrap();
}

fn look_at_filled(database: &mut Database, version: usize) {
    let look = |tx: &Tx<'_>| {
        Ok::<_, StoreError>((
            tx.sums()?,
            tx.prove()?,
            tx.counts()?,
            tx.conflicts(true, 10)?,
        ))
    };
    let (sums, found, counts, conflicts) = database.read(look).unwrap();
    let flaws: Vec<_> = found.iter().map(|finding| finding.flaw).collect();
    assert_eq!((sums.postings, flaws), (1, vec![Flaw::NoRecord]));
    assert_eq!((counts.journeys, counts.open, conflicts.len()), (1, 1, 1));
    post(database, &[(-300, "CNY"), (299, "CNY")], true).unwrap_err();
    let account = fare_protocol::AccountId(ACCOUNT);
    assert!(
        !database.write(|tx| tx.deny(account, UnixMs(0))).unwrap(),
        "it is denied"
    );
    let phone: PublicKey = PHONE.parse().unwrap();
    let rider = database.read(|tx| tx.rider_of(&phone)).unwrap();
    assert_eq!(
        rider.map(|rider| rider.account),
        (version >= 4).then_some(account)
    );
}
