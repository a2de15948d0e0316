//! The program itself: arguments, configuration, signals, exit status.

use crate::sqlite::site::forever;
use fare_protocol::Signer;
use fare_server::clock::now;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use tempfile::TempDir;

pub(crate) fn fareserver(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fareserver"))
        .args(args)
        .output()
        .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with all that the example configuration names, listening on free ports.
pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap().pem();
    write("server-cert.pem", &cert);
    write("gates-ca.pem", &cert);
    write("server-key.pem", &key.serialize_pem());
    let issuer = "1b".repeat(32);
    for (name, seed) in [
        ("server.seed", "7a".repeat(32)),
        ("issuer.seed", issuer.clone()),
    ] {
        write(name, &seed);
        let owner = fs::Permissions::from_mode(0o600);
        fs::set_permissions(folder.path().join(name), owner).unwrap();
    }
    let issuer = forever(&fare_protocol::signing_key(&issuer).unwrap());
    write("issuers.json", &serde_json::to_string(&issuer).unwrap());
    let tariff = include_str!("../../../../gate-config/tariff-beijing.toml");
    write("tariff-beijing.toml", tariff);
    let stations = include_str!("../../../../gate-config/stations-beijing-line1.toml");
    write("stations-beijing-line1.toml", stations);
    let example = include_str!("../../server.example.toml");
    write(
        "server.toml",
        &example
            .replace(":8443\"\n", ":0\"\n")
            .replace(":8080\"\n", ":0\"\n")
            .replace(":8082\"\n", ":0\"\n")
            .replace(":8081\"\n", ":0\"\n")
            .replace(":8083\"\n", ":0\"\n")
            .replace(":8090\"\n", ":0\"\n"),
    );
    let config = folder.path().join("server.toml");
    (folder, config)
}

/// Starts the server and waits until it says that it listens; answers the rest of what it says.
fn start(config: &Path) -> (Child, BufReader<ChildStderr>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fareserver"))
        .args(["run", "--config"])
        .arg(config)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the server ended");
    }
    (child, said)
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_bare_start_says_what_it_needs() {
    let output = fareserver(&["run"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    for needed in [
        "--config",
        "signing_key",
        "issuers",
        "[tls]",
        "server.example.toml",
    ] {
        assert!(said.contains(needed), "{needed} is not named: {said}");
    }
}

#[test]
fn wrong_arguments_and_configurations_end_with_2() {
    let (folder, config) = folder();
    for args in [
        &["fly"][..],
        &["run", "--listen", "nowhere"],
        &["gate", "add", "--id", "lower"],
    ] {
        assert_eq!(fareserver(args).status.code(), Some(2), "{args:?}");
    }
    let wrong = folder.path().join("wrong.toml");
    let example = fs::read_to_string(&config).unwrap();
    fs::write(&wrong, format!("frobnicate = 1\n{example}")).unwrap();
    let output = fareserver(&["run", "--config", wrong.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("wrong.toml:1: unknown field `frobnicate`"),
        "{said}"
    );
}

#[test]
fn sigterm_and_ctrl_c_end_it_in_order_and_in_time() {
    let (folder, config) = folder();
    let ready = folder.path().join("ready.json");
    for name in ["TERM", "INT"] {
        let (mut child, mut said) = start(&config);
        let addresses: serde_json::Value =
            serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
        for listener in ["listen", "console_listen"] {
            let address = addresses[listener].as_str().unwrap();
            assert!(
                address.starts_with("127.0.0.1:") && !address.ends_with(":0"),
                "{address}"
            );
        }
        let begun = now();
        signal(&child, name);
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
        assert!(now().since(begun) < 2_000);
        assert!(rest.trim_end().ends_with("stopped"), "{rest}");
    }
}

#[test]
fn a_request_under_way_is_answered_before_the_server_ends() {
    use std::io::Write;
    let (folder, config) = folder();
    let (mut child, mut said) = start(&config);
    let ready = fs::read(folder.path().join("ready.json")).unwrap();
    let ready: serde_json::Value = serde_json::from_slice(&ready).unwrap();
    let console = ready["console_listen"].as_str().unwrap();
    let connect = || {
        let stream = std::net::TcpStream::connect(console).unwrap();
        let patience = std::time::Duration::from_secs(20);
        stream.set_read_timeout(Some(patience)).unwrap();
        stream
    };
    let mut slow = connect();
    let head = "POST /v1/conflicts/00000000000000000000000000000000/resolution HTTP/1.1\r\n\
                Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{";
    slow.write_all(head.as_bytes()).unwrap();
    // Whoever asks now is told that this request is under way.
    let status = ready["status_listen"].as_str().unwrap();
    loop {
        let mut asks = std::net::TcpStream::connect(status).unwrap();
        let ask = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        asks.write_all(ask.as_bytes()).unwrap();
        let mut page = String::new();
        asks.read_to_string(&mut page).unwrap();
        if page.contains("fareserver_requests_open 2\n") {
            break;
        }
    }
    signal(&child, "TERM");
    let mut line = String::new();
    while !line.contains("stopping") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the server ended");
    }
    slow.write_all(b"}").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    assert!(!rest.contains("cut off"), "{rest}");
}

#[test]
fn logs_are_json_when_asked_for() {
    let (_folder, config) = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fareserver"))
        .args(["run", "--log-json", "--config"])
        .arg(&config)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the server ended");
    }
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&event["level"], &event["message"]),
        (&"INFO".into(), &"listening".into())
    );
    assert!(event["listen"].as_str().unwrap().starts_with("127.0.0.1:"));
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_taken_address_is_said() {
    let (_folder, config) = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = fareserver(&[
        "run",
        "--config",
        config.to_str().unwrap(),
        "--listen",
        &address,
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(&format!("cannot listen on {address}")));
}

#[test]
// long: one command after another
fn gates_books_and_denials_are_kept_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fares.sqlite3");
    let file = file.to_str().unwrap();
    assert_eq!(
        fareserver(&["books", "--database", file]).status.code(),
        Some(1),
        "no file yet"
    );

    let key = ed25519_dalek::SigningKey::from_bytes(&[5; 32])
        .public()
        .to_string();
    let place = [
        "--id",
        "PGY-01",
        "--key",
        &key,
        "--station",
        "PGY",
        "--line",
        "1",
    ];
    let add = [&["gate", "add", "--database", file][..], &place].concat();
    assert!(text(&fareserver(&add).stdout).ends_with("registered\n"));
    assert!(text(&fareserver(&add).stdout).ends_with("registered already\n"));
    let list = text(&fareserver(&["gate", "list", "--database", file]).stdout);
    assert!(
        list.starts_with("PGY-01") && list.trim_end().ends_with(&key),
        "{list}"
    );

    let books = fareserver(&["books", "--database", file]);
    assert_eq!(books.status.code(), Some(0));
    assert!(
        text(&books.stdout).ends_with("yes\n"),
        "{}",
        text(&books.stdout)
    );

    let account = "ab".repeat(16);
    let deny = fareserver(&["deny", "add", "--database", file, &account]);
    assert_eq!(text(&deny.stdout), "account …abab: denied\n");
    let deny = fareserver(&["deny", "remove", "--database", file, &account]);
    assert_eq!(text(&deny.stdout), "account …abab: denied no longer\n");
    let phone = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";
    let lost = [
        "deny",
        "add",
        "--database",
        file,
        "--key",
        phone,
        "--reason",
        "lost",
    ];
    for said in ["denied", "denied already"] {
        assert_eq!(
            text(&fareserver(&lost).stdout),
            format!("phone {phone}: {said}\n")
        );
    }
    let list = fareserver(&["deny", "list", "--database", file]);
    let list = text(&list.stdout);
    assert!(
        list.starts_with(&format!("phone {phone}  since 2")) && list.ends_with("  lost\n"),
        "{list}"
    );
    let found = fareserver(&["deny", "remove", "--database", file, "--key", phone]);
    assert_eq!(
        text(&found.stdout),
        format!("phone {phone}: denied no longer\n")
    );
    let nobody = fareserver(&["deny", "add", "--database", file]);
    assert_eq!(nobody.status.code(), Some(2), "{}", text(&nobody.stderr));
    let nobody = fareserver(&["deny", "add", "--database", file, "--phone-of", &account]);
    assert!(
        text(&nobody.stderr).contains("no phone enrolled here"),
        "{}",
        text(&nobody.stderr)
    );
}

#[test]
fn conflicts_are_listed_shown_and_resolved_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fares.sqlite3");
    let gate = crate::gate::Gate::new("PGY-01", "PGY");
    let mut site = crate::sqlite::site::Site::at(&file, &[&gate]);
    for minute in [1, 90] {
        let entry = gate.passes(
            fare_protocol::Direction::Entry,
            crate::gate::account(7),
            minute,
        );
        site.send(&gate, &entry.each_ref());
    }
    drop(site);
    let database = ["--database", file.to_str().unwrap()];
    let conflicts = |args: &[&str]| fareserver(&[&["conflicts"], args, &database].concat());
    let listed = text(&conflicts(&["list"]).stdout);
    assert!(listed.contains("stands    entry-twice"), "{listed}");
    let id = listed.split(' ').next().unwrap();
    let shown = text(&conflicts(&["show", id]).stdout);
    assert!(
        shown.contains("proposal  charge CNY 3.00 (CNY:300): "),
        "{shown}"
    );
    assert_eq!(
        shown.matches("entry of account …0707").count(),
        2,
        "{shown}"
    );
    let json = text(&conflicts(&["show", "--json", id]).stdout);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["records"].as_array().unwrap().len(), 2);

    let by = ["--by", "Wang", "--reason", "asked"];
    let resolve = |what: &[&str]| conflicts(&[&["resolve", id], what, &by].concat());
    assert_eq!(resolve(&[]).status.code(), Some(2), "what is decided?");
    assert_eq!(resolve(&["--keep", "--proposed"]).status.code(), Some(2));
    assert_eq!(resolve(&["--charge", "three"]).status.code(), Some(2));
    let done = resolve(&["--proposed"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("decided by Wang at "));
    assert_eq!(
        resolve(&["--proposed"]).status.code(),
        Some(0),
        "the same again"
    );
    assert_eq!(
        resolve(&["--charge", "CNY:0"]).status.code(),
        Some(1),
        "once"
    );
    assert_eq!(text(&conflicts(&["list"]).stdout), "");
    assert!(text(&conflicts(&["list", "--all"]).stdout).contains("resolved  entry-twice"));
    let books = text(&fareserver(&[&["books"][..], &database].concat()).stdout);
    assert!(
        books.contains("CNY 3.00") && books.ends_with("yes\n"),
        "{books}"
    );
}

#[test]
fn a_bundle_is_imported_from_the_command_line_and_answered_in_a_file() {
    use fare_protocol::bundle::{self, BundleKind};
    let (folder, config) = folder();
    let file = |name: &str| folder.path().join(name);
    let gate = crate::gate::Gate::new("PGY-01", "PGY");
    drop(crate::sqlite::site::Site::at(
        &file("fares.sqlite3"),
        &[&gate],
    ));
    let server = ed25519_dalek::SigningKey::from_bytes(&[0x7a; 32]);
    let records = gate.passes(fare_protocol::Direction::Entry, crate::gate::account(7), 1);
    let request = fare_protocol::wire::UploadRequest {
        records: records.iter().map(crate::gate::upload).collect(),
    };
    let json = serde_json::to_vec(&request).unwrap();
    let (kind, to) = (BundleKind::Records, Signer::public(&server));
    let part = bundle::seal(kind, gate.id, &json, &gate.key, &to, [7; 32]).unwrap();
    let bundle = [&kind.magic()[..], &bundle::prefix(&part).unwrap(), &part].concat();
    fs::write(file("stick"), &bundle).unwrap();
    let import = |name: &str| {
        let bundle = file(name);
        let args = ["import", "--config", config.to_str().unwrap()];
        fareserver(&[&args[..], &[bundle.to_str().unwrap()]].concat())
    };
    let first = import("stick");
    let said = text(&first.stdout);
    assert_eq!(
        first.status.code(),
        Some(0),
        "{said}{}",
        text(&first.stderr)
    );
    assert!(
        said.starts_with("part 1: gate PGY-01: 2 accepted, 0 known already"),
        "{said}"
    );
    assert!(
        fs::read(file("stick.ack"))
            .unwrap()
            .starts_with(b"FAREACK1")
    );
    let again = import("stick");
    assert!(text(&again.stdout).starts_with("part 1: gate PGY-01: 0 accepted, 2 known already"));
    assert_eq!(again.status.code(), Some(0));
    fs::write(file("cut"), &bundle[..bundle.len() - 9]).unwrap();
    let cut = import("cut");
    assert_eq!(cut.status.code(), Some(1));
    assert!(text(&cut.stdout).starts_with("part 1: not taken: the file ends"));
    fs::write(file("other"), "no bundle").unwrap();
    assert_eq!(import("other").status.code(), Some(1));
}

/// Somebody whom an identity provider knows.
fn signs_in_from_elsewhere(run: &impl Fn(&[&str]) -> Output) {
    let issuer = ["--issuer", "https://id.example"];
    let sign_in = [
        &["staff", "sign-in", "Zhao", "--role", "finance"][..],
        &issuer,
    ]
    .concat();
    let cookie = text(&run(&sign_in).stdout);
    let ends = "; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure\n";
    assert!(
        cookie.starts_with("__Host-session=") && cookie.ends_with(ends),
        "{cookie}"
    );
    let foreign = [
        "staff", "sign-in", "Zhao", "--role", "finance", "--issuer", "local",
    ];
    assert_eq!(
        run(&foreign).status.code(),
        Some(2),
        "a name of our own is no issuer"
    );
    let sign_out = [&["staff", "sign-out", "Zhao"][..], &issuer].concat();
    assert_eq!(text(&run(&sign_out).stdout), "Zhao: signed out\n");
    assert_eq!(run(&sign_out).status.code(), Some(1), "nobody is left");
}

#[test]
// long: one person, every command
fn staff_are_kept_from_the_command_line_and_what_is_done_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fares.sqlite3");
    let database = ["--database", file.to_str().unwrap()];
    let run = |args: &[&str]| fareserver(&[args, &database].concat());
    let made = run(&[
        "staff",
        "add",
        "Wang",
        "--role",
        "supervisor",
        "--role",
        "viewer",
    ]);
    let said = text(&made.stdout);
    assert!(
        said.starts_with("Wang: made, viewer supervisor\npassword: "),
        "{said}"
    );
    assert_eq!(
        run(&["staff", "add", "Li"]).status.code(),
        Some(2),
        "as what?"
    );
    assert_eq!(
        run(&["staff", "add", "Li", "--role", "king"]).status.code(),
        Some(2)
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_fareserver"))
        .args([
            "staff",
            "add",
            "Wang",
            "--role",
            "steward",
            "--password-stdin",
        ])
        .args(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut typed, b"a password of one's own\n").unwrap();
    drop(typed);
    let changed = text(&child.wait_with_output().unwrap().stdout);
    assert_eq!(changed, "Wang: changed, steward\n", "it is not printed");
    let listed = text(&run(&["staff", "list"]).stdout);
    assert!(
        listed.starts_with("Wang                     steward, since "),
        "{listed}"
    );
    assert!(!listed.contains("argon2"), "{listed}");
    assert_eq!(
        text(&run(&["staff", "remove", "Wang"]).stdout),
        "Wang: ended\n"
    );
    assert_eq!(run(&["staff", "remove", "Wang"]).status.code(), Some(1));

    signs_in_from_elsewhere(&run);
    run(&["deny", "add", &"ab".repeat(16)]);
    let audit = text(&run(&["audit"]).stdout);
    let lines: Vec<_> = audit.lines().collect();
    assert_eq!(lines.len(), 6, "{audit}");
    for (line, ends) in lines.iter().zip([
        "staff-add        Wang: viewer supervisor",
        "staff-change     Wang: steward",
        "staff-remove     Wang",
        "",
        "",
        "deny-add         …abab",
    ]) {
        assert!(line.contains(" command ") && line.ends_with(ends), "{line}");
    }
    let newest = text(&run(&["audit", "--json", "--most", "1"]).stdout);
    let newest: serde_json::Value = serde_json::from_str(&newest).unwrap();
    assert_eq!(
        (&newest["what"], &newest["via"]),
        (&"deny-add".into(), &"command".into())
    );
}

#[test]
// long: one table
fn charges_are_looked_after_by_commands_that_are_audited() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fares.sqlite3");
    let database = file.to_str().unwrap();
    drop(fare_server::store::Database::open(&file).unwrap());
    let (account, nobodys) = ("01".repeat(16), "0a".repeat(16));
    let charges = |args: &[&str]| {
        let (what, rest) = args.split_first().unwrap();
        let all = [&["charges", what, "--database", database], rest].concat();
        let output = fareserver(&all);
        let said = text(&output.stdout) + &text(&output.stderr);
        (output.status.code().unwrap(), said)
    };
    let agreement = folder.path().join("agreement");
    fs::write(&agreement, "20250000000000000001\n").unwrap();
    let agreement = agreement.to_str().unwrap();
    for (args, status, says) in [
        (
            &["bind", &account, "--platform", "alipay"][..],
            2,
            "--agreement",
        ),
        (
            &["bind", &account, "--platform", "paypal"],
            2,
            "stored-value, alipay or wechat",
        ),
        (
            &[
                "bind",
                &account,
                "--platform",
                "alipay",
                "--agreement",
                agreement,
            ],
            0,
            "",
        ),
        (
            &[
                "bind",
                &account,
                "--platform",
                "stored-value",
                "--policy",
                "threshold:0",
            ],
            2,
            "more than 0",
        ),
        (
            &[
                "bind",
                &account,
                "--platform",
                "stored-value",
                "--policy",
                "threshold:900",
            ],
            0,
            "",
        ),
        (
            &["top-up", &account, "--amount", "CNY:0"],
            2,
            "more than zero",
        ),
        (&["top-up", &account, "--amount", "CNY:500"], 0, "CNY 5.00"),
        // A number of one's own: once, and for nothing else.
        (
            &["top-up", &account, "--amount", "CNY:300", "--id", &nobodys],
            0,
            "CNY 8.00",
        ),
        (
            &["top-up", &account, "--amount", "CNY:300", "--id", &nobodys],
            0,
            "CNY 8.00",
        ),
        (
            &["top-up", &account, "--amount", "CNY:301", "--id", &nobodys],
            1,
            "was used before, for a top-up of CNY 3.00",
        ),
        (&["list"], 0, ""),
        (&["list", "--state", "debts"], 2, "differs"),
        (&["retry", &nobodys], 1, "there is no such charge"),
        (
            &[
                "refund", &nobodys, "--amount", "CNY:1", "--by", "Wang", "--reason", "late",
            ],
            1,
            "there is no such charge",
        ),
        (&["unbind", &account], 0, "bound no longer"),
        (&["unbind", &account], 0, "was not bound"),
    ] {
        let (got, said) = charges(args);
        assert_eq!(got, status, "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
        assert!(
            !said.contains("20250000000000000001") && !said.contains(&account),
            "{said}"
        );
    }
    let audit = text(&fareserver(&["audit", "--database", database]).stdout);
    for what in ["charges-bind", "charges-top-up", "charges-unbind"] {
        assert!(audit.contains(what), "{audit}");
    }
    let books = fareserver(&["books", "--database", database]);
    assert!(books.status.success());
    assert!(
        text(&books.stdout).contains("stored-value"),
        "{}",
        text(&books.stdout)
    );
}

#[test]
fn the_intake_is_measured_beside_the_bare_engine() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("databases");
    let measured = fareserver(&[
        "bench",
        "ingest",
        "--journeys",
        "2000",
        "--sqlite-only",
        "--json",
        "--folder",
        place.to_str().unwrap(),
    ]);
    assert!(measured.status.success(), "{}", text(&measured.stderr));
    let report: serde_json::Value = serde_json::from_slice(&measured.stdout).unwrap();
    assert_eq!(report["journeys"], 2000);
    let engine = &report["engines"][0];
    assert_eq!(engine["engine"], "sqlite");
    for rate in ["journeys_per_s", "bare_journeys_per_s"] {
        assert!(engine[rate].as_f64().unwrap() > 0.0, "{engine}");
    }
    assert!(!place.exists());
}

#[test]
fn the_cost_of_a_journey_is_measured_in_a_database_with_many() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("databases");
    let place = place.to_str().unwrap();
    let sizes = ["--stored", "2000,6000", "--sqlite-only", "--json"];
    let bench = ["bench", "growth", "--folder", place];
    let measured = fareserver(&[&bench[..], &sizes[..]].concat());
    assert!(measured.status.success(), "{}", text(&measured.stderr));
    let all: serde_json::Value = serde_json::from_slice(&measured.stdout).unwrap();
    let stored = |nth: usize| all[nth]["stored"].as_u64().unwrap();
    assert_eq!((stored(0), stored(1)), (2_000, 6_000));
    assert!(all[1]["ratio"].as_f64().unwrap() > 0.0, "{all}");
}
