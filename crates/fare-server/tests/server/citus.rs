//! `docs/citus.sql` and the schema: whatever it splits can be split as it says.

use crate::fresh::postgres;
use fare_server::store::StoreError;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// How a table lies on the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Lies {
    /// Whole, on the coordinator.
    Coordinator,
    /// Whole, on every node.
    Everywhere,
    /// In shards, by this column.
    By(String),
}

/// What the script says of each table.
fn script() -> (String, BTreeMap<String, Lies>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/citus.sql");
    let script = fs::read_to_string(file).unwrap();
    let calls = script.lines().filter_map(|line| {
        let call = line.strip_prefix("SELECT create_")?;
        let texts: Vec<_> = call.split('\'').skip(1).step_by(2).collect();
        let lies = if call.starts_with("reference_table(") {
            Lies::Everywhere
        } else {
            assert!(call.starts_with("distributed_table("), "{line}");
            Lies::By(texts[1].to_owned())
        };
        Some((texts[0].to_owned(), lies))
    });
    let mut tables: BTreeMap<_, _> = calls.collect();
    let (_, rest) = script.split_once("-- On the coordinator stays").unwrap();
    for line in rest.lines().skip(1) {
        for name in line.trim_start_matches('-').split_whitespace() {
            let before = tables.insert(name.to_owned(), Lies::Coordinator);
            assert_eq!(before, None, "{name} is there twice");
        }
    }
    (script, tables)
}

const TABLES: &str = "SELECT relname::TEXT FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";

const UNIQUE: &str =
    "SELECT table_of.relname::TEXT, index_of.relname::TEXT, (SELECT string_agg(attname, ' ')
        FROM pg_attribute WHERE attrelid = index_of.oid)
    FROM pg_index JOIN pg_class AS table_of ON table_of.oid = indrelid
    JOIN pg_class AS index_of ON index_of.oid = indexrelid
    WHERE indisunique AND table_of.relnamespace = 'public'::regnamespace";

const REFERENCES: &str =
    "SELECT conrelid::regclass::TEXT, confrelid::regclass::TEXT, conname::TEXT,
        (SELECT string_agg(a.attname || '=' || b.attname, ' ')
         FROM unnest(conkey, confkey) AS k(own, other)
         JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = own
         JOIN pg_attribute AS b ON b.attrelid = confrelid AND b.attnum = other)
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace";

#[test]
fn every_table_lies_where_its_keys_allow() {
    let fresh = postgres();
    fresh.with(|database| database.read(|_| Ok::<_, StoreError>(())).unwrap());
    let (script, lies) = script();
    let there: BTreeSet<_> = fresh
        .ask(TABLES)
        .into_iter()
        .map(|mut row| row.remove(0))
        .collect();
    assert_eq!(
        lies.keys().cloned().collect::<BTreeSet<_>>(),
        there,
        "all tables and no others"
    );
    let by = |table: &str| match &lies[table] {
        Lies::By(column) => Some(column.clone()),
        Lies::Coordinator | Lies::Everywhere => None,
    };
    for row in fresh.ask(UNIQUE) {
        if let Some(column) = by(&row[0]) {
            let has = row[2].split(' ').any(|one| one == column);
            assert!(has, "{} of {} has no {column}", row[1], row[0]);
        }
    }
    for row in fresh.ask(REFERENCES) {
        let (own, other, name) = (&row[0], &row[1], &row[2]);
        match (&lies[own], &lies[other]) {
            (Lies::By(own), Lies::By(other)) => {
                let same = row[3]
                    .split(' ')
                    .any(|pair| pair == format!("{own}={other}"));
                assert!(same && own == other, "{name} leaves its shard");
            }
            (Lies::By(_), Lies::Everywhere) => {}
            (Lies::Everywhere, Lies::Everywhere) | (Lies::Coordinator, Lies::Coordinator) => {
                continue;
            }
            (from, to) => panic!("{name} goes from {from:?} to {to:?}"),
        }
        // A list on every node is made before the shards are: what refers to it waits.
        if lies[other] == Lies::Everywhere && other == "conflict" {
            for word in ["DROP", "ADD"] {
                let says = format!("ALTER TABLE {own} {word} CONSTRAINT {name}");
                assert!(script.contains(&says), "{says} is not in the script");
            }
        }
    }
}

/// The triggers that the script has for shards do the same where nothing is split.
#[test]
fn the_scripts_own_triggers_still_refuse() {
    let fresh = postgres();
    fresh.with(|database| database.read(|_| Ok::<_, StoreError>(())).unwrap());
    let (script, _) = script();
    let functions: String = script
        .split("CREATE OR REPLACE FUNCTION ")
        .skip(1)
        .map(|rest| {
            format!(
                "CREATE OR REPLACE FUNCTION {}END $$;",
                rest.split("END $$;").next().unwrap()
            )
        })
        .collect();
    // Without Citus there is nothing in its list of shards.
    fresh.script(
        "CREATE TABLE pg_dist_shard (logicalrelid REGCLASS, shardid BIGINT, shardminvalue TEXT)",
    );
    fresh.script(&functions);
    let id = |n: u8| format!("'\\x{}'", format!("{n:02x}").repeat(16));
    let (account, tap) = (id(1), id(3));
    fresh.script(&format!(
        "INSERT INTO tap (account, id, at_ms, code_ref, gate, envelope, has_place)
         VALUES ({account}, {tap}, 0, '', 'PGY-01', '', 0);
         INSERT INTO journey (account, entry, journey, state, station, line, entered_ms, due_ms)
         VALUES ({account}, {tap}, {}, 'open', 'PGY', '1', 0, 1)",
        id(4)
    ));
    let post = |posting: u8, other: i64| {
        let posting = id(posting);
        format!(
            "BEGIN; INSERT INTO posting_line VALUES ({account}, {posting}, 1, 'held', 300, 'CNY'),
                                                    ({account}, {posting}, 2, 'rider', {other}, 'CNY');
             INSERT INTO posting (account, posting, entry, kind, made_ms)
             VALUES ({account}, {posting}, {tap}, 'hold', 0); COMMIT"
        )
    };
    fresh.script(&post(5, -300));
    let refused = fresh.try_script(&post(6, -299)).unwrap_err();
    assert!(refused.contains("a posting does not balance"), "{refused}");
    let late = format!(
        "INSERT INTO posting_line VALUES ({account}, {}, 3, 'held', 0, 'CNY')",
        id(5)
    );
    let refused = fresh.try_script(&late).unwrap_err();
    assert!(refused.contains("a posting is final"), "{refused}");
}
