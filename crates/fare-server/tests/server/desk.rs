//! What desks do by commands: products are sold and taken back, classes granted and ended; all audited.

use crate::program::{fareserver, folder, text};
use ed25519_dalek::SigningKey;
use fare_protocol::{AccountId, RiderClass, Signer, UnixMs};
use fare_server::store::{Database, RiderRow, StoreError};
use std::fs;
use std::path::Path;

const ON_SALE: &str = "[[product]]\nid = \"month\"\nname = \"Month pass\"\nprice_minor = 20000\n\
                       valid_days = 30\npass = true\n";

/// Status and what was said.
fn run(args: &[&str]) -> (i32, String) {
    let output = fareserver(args);
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.code().unwrap(), said)
}

fn check(cases: &[(&[&str], i32, &str)]) {
    for (args, status, says) in cases {
        let (got, said) = run(args);
        assert_eq!(got, *status, "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
}

fn enrolled(file: &Path, account: AccountId) {
    let rider = RiderRow {
        account,
        device_key: SigningKey::from_bytes(&[1; 32]).public(),
        class: RiderClass::Adult,
    };
    let mut database = Database::open(file).unwrap();
    let done: Result<_, StoreError> = database.write(|tx| tx.enrol(&rider, UnixMs(1)));
    assert!(done.unwrap().1);
}

#[test]
// long: one table
fn products_are_sold_and_taken_back_by_commands() {
    let (folder, config) = folder();
    let tariff = folder.path().join("tariff-beijing.toml");
    let fares = fs::read_to_string(&tariff).unwrap();
    fs::write(&tariff, fares + ON_SALE).unwrap();
    let file = folder.path().join("fares.sqlite3");
    drop(Database::open(&file).unwrap());
    let (config, file) = (config.to_str().unwrap(), file.to_str().unwrap());
    let account = "01".repeat(16);
    let account = account.as_str();
    let sell = ["products", "sell", "--config", config, "--by", "Wang"];
    let with = |more: &[&'static str]| [&sell[..], more, &[account]].concat();
    check(&[
        (
            &["products", "offers", "--config", config],
            0,
            "Month pass (pass, 30 days)",
        ),
        (
            &with(&["--offer", "moon", "--paid", "cash"]),
            1,
            "it sells: month",
        ),
        (
            &with(&["--offer", "month", "--paid", "shells"]),
            2,
            "account",
        ),
        (
            &with(&[
                "--offer",
                "month",
                "--paid",
                "cash",
                "--from",
                "2020-01-01T00:00:00Z",
            ]),
            1,
            "from now on at the earliest",
        ),
        (
            &with(&["--offer", "month", "--paid", "cash"]),
            0,
            "CNY 200.00",
        ),
        (&["books", "--database", file], 0, "prepaid"),
    ]);
    let list = ["products", "list", "--database", file, account];
    let (_, listed) = run(&list);
    let product = listed.split_whitespace().next().unwrap();
    let back = [
        "products",
        "take-back",
        "--database",
        file,
        "--by",
        "Wang",
        "--reason",
        "a slip",
        product,
    ];
    check(&[
        (&list, 0, "0 journeys"),
        (&back, 0, "taken back, CNY 200.00"),
        (&back, 1, "taken back before"),
        (&list, 0, ", taken back"),
        (&["audit", "--database", file], 0, "products-sell"),
        (&["audit", "--database", file], 0, "products-take-back"),
    ]);
    assert!(!listed.contains(account), "{listed}");
}

#[test]
// long: one table
fn classes_are_granted_and_ended_by_commands() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fares.sqlite3");
    enrolled(&file, AccountId([1; 16]));
    let file = file.to_str().unwrap();
    let (account, nobodys) = ("01".repeat(16), "0a".repeat(16));
    let grant = |class: &'static str, until: &'static str, whose: &str| {
        let args = [
            "classes",
            "grant",
            "--database",
            file,
            "--class",
            class,
            "--until",
            until,
        ];
        let args = [
            &args[..],
            &["--proof", "list 7, line 9", "--by", "Wang", whose],
        ]
        .concat();
        run(&args)
    };
    for (class, until, whose, status, says) in [
        (
            "student",
            "2030-09-30T00:00:00+08:00",
            &account,
            0,
            "student",
        ),
        (
            "baron",
            "2030-09-30T00:00:00+08:00",
            &account,
            2,
            "is no class",
        ),
        (
            "adult",
            "2030-09-30T00:00:00+08:00",
            &account,
            2,
            "everybody is an adult",
        ),
        ("child", "2020-09-30T00:00:00+08:00", &account, 2, "is past"),
        (
            "child",
            "2030-09-30T00:00:00+08:00",
            &nobodys,
            1,
            "no rider is enrolled",
        ),
    ] {
        let (got, said) = grant(class, until, whose);
        assert_eq!(got, status, "{said}");
        assert!(said.contains(says), "{said}");
        assert!(!said.contains(whose.as_str()), "{said}");
    }
    let end = [
        "classes",
        "end",
        "--database",
        file,
        "--by",
        "Li",
        "--reason",
        "left school",
        &account,
    ];
    check(&[
        (
            &["classes", "list", "--database", file],
            0,
            "by Wang: list 7, line 9",
        ),
        (&end, 0, "an adult from the next issuer part on"),
        (&end, 0, "had no class"),
        (
            &["classes", "list", "--database", file, &account],
            0,
            ", ended ",
        ),
        (&["audit", "--database", file], 0, "class-grant"),
        (&["audit", "--database", file], 0, "class-end"),
        (&["journeys", "incidents", "--database", file], 0, ""),
    ]);
}
