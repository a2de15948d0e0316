//! A gate's certificate in time, with the two real programs: it renews itself, and once it is revoked the gate
//! closes, forgets riders and is believed no longer, until it enrols anew.
#![allow(clippy::unwrap_used)]

mod common;

use common::place::{Place, done, refused};
use common::{Process, program, until};
use fare_protocol::certificate::Certificate;
use fare_sim::pki::Authority;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn says(pem: &Path) -> Certificate {
    let pem = fs::read(pem).unwrap();
    Certificate::read(&CertificateDer::from_pem_slice(&pem).unwrap()).unwrap()
}

/// Puts one in the place of the gate's certificate that is good for so long from `ago` on.
fn replace(place: &Place, valid: Duration, ago: Duration) {
    let keys = place.server_toml().with_file_name("keys");
    let read = |name: &str| fs::read_to_string(keys.join(name)).unwrap();
    let authority = Authority::load(&read("authority.pem"), &read("authority.key")).unwrap();
    let file = place.folder().join("keys/gate.pem");
    let own = says(&file);
    let now = faregate::clock::now();
    let ago = i64::try_from(ago.as_millis()).unwrap();
    let then = fare_protocol::UnixMs(now.0 - ago);
    let (gate, key) = ("PGY-01".parse().unwrap(), own.key.unwrap());
    let short = authority.certify_gate(gate, &key, then, valid).unwrap();
    fs::write(&file, short).unwrap();
}

fn faregate(place: &Place, args: &[&str]) -> Command {
    let mut command = program("faregate");
    command.args(args).arg("--config");
    command.arg(place.folder().join("gate.toml"));
    command
}

fn fareserver(place: &Place, args: &[&str]) -> String {
    let mut command = program("fareserver");
    command.args(args).arg("--database");
    done({
        command.arg(place.server_toml().with_file_name("fares.sqlite3"));
        command
    })
}

fn status(place: &Place) -> Value {
    let output = faregate(place, &["status", "--json"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Waits until the status has a problem of this kind.
fn problem(place: &Place, code: &str) -> String {
    let found = until(|| {
        let status = status(place);
        let problems = status["problems"].as_array()?;
        let is = |problem: &&Value| problem["code"] == code;
        Some(problems.iter().find(is)?["what"].as_str()?.to_owned())
    });
    found.unwrap_or_else(|| panic!("no {code}: {}", status(place)))
}

/// Waits until the server says this of its gates' modes.
fn arrives(place: &Place, words: &str, gate: &Process) {
    let arrived = until(|| {
        fareserver(place, &["gate", "modes"])
            .contains(words)
            .then_some(())
    });
    assert!(arrived.is_some(), "no {words:?}: {:#?}", gate.log());
}

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
// long: one gate, its certificates one after another
fn a_certificate_renews_itself_and_a_failure_is_an_alarm() {
    let place = Place::new();
    let server = place.serve();
    done(place.enroll(&place.invite()));
    let first = says(&place.folder().join("keys/gate.pem"));
    replace(&place, HOUR, Duration::ZERO);
    drop(server);

    // No server: the gate works, and says what is to come.
    let gate = Process::gate(&place.folder().join("gate.toml"));
    gate.wait_for("ready");
    gate.wait_for("is not renewed yet");
    let said = problem(&place, "certificate");
    assert!(
        said.contains("ends in 0 days; it could not be renewed"),
        "{said}"
    );
    drop(gate);

    let _server = place.serve();
    let mut gate = Process::gate(&place.folder().join("gate.toml"));
    gate.wait_for("certificate is renewed");
    let renewed = place.folder().join("gate.journal.certificate.pem");
    let new = says(&renewed);
    assert_eq!((new.key, &new.common_name), (first.key, &first.common_name));
    assert!(new.until >= first.until, "{new:?}");
    let left = until(|| {
        let status = status(&place);
        status["daemon"]["server"]["certificate_until_ms"]
            .as_i64()
            .filter(|until| *until == new.until.0)
    });
    assert!(left.is_some(), "{}", status(&place));
    assert!(gate.terminate().0.success());

    // From now on the new one counts, whatever became of the old.
    replace(&place, HOUR, 2 * HOUR);
    let gate = Process::gate(&place.folder().join("gate.toml"));
    gate.wait_for("ready");
    done(faregate(
        &place,
        &["mode", "set", "free", "--reason", "test"],
    ));
    arrives(&place, "free", &gate);
    drop(gate);

    // One that is broken is left out.
    fs::write(&renewed, "half a certi").unwrap();
    replace(&place, 48 * HOUR, Duration::ZERO);
    let gate = Process::gate(&place.folder().join("gate.toml"));
    gate.wait_for("left out");
    gate.wait_for("ready");
    done(faregate(
        &place,
        &["mode", "set", "normal", "--reason", "test"],
    ));
    arrives(&place, "normal", &gate);
}

#[test]
// long: one gate from its enrolment to its revocation, and again
fn a_revoked_gate_closes_forgets_riders_and_is_believed_no_longer() {
    let place = Place::new();
    let _server = place.serve();
    done(place.enroll(&place.invite()));
    let config = place.folder().join("gate.toml");
    let mut gate = Process::gate(&config);
    gate.wait_for("ready");
    fareserver(&place, &["deny", "add", &"ab".repeat(16)]);
    let denied = || status(&place)["journal"]["denied"].clone();
    assert!(
        until(|| (denied() == 1).then_some(())).is_some(),
        "{}",
        status(&place)
    );

    fareserver(&place, &["gate", "revoke", "PGY-01", "--reason", "stolen"]);
    gate.wait_for("the server has revoked this gate");
    let said = problem(&place, "revoked");
    assert!(said.ends_with("this gate: stolen"), "{said}");
    assert_eq!(denied(), 0, "it has forgotten whom to refuse");
    let mode = done(faregate(&place, &["mode"]));
    assert!(mode.contains("gate PGY-01: closed"), "{mode}");
    for args in [
        &["mode", "set", "normal", "--reason", "test"][..],
        &["let-through", "--direction", "entry", "--reason", "test"],
    ] {
        let said = refused(faregate(&place, args));
        assert!(said.contains("revoked this gate"), "{said}");
    }
    // Its record of being closed is refused, and stays where people see it.
    let kept = until(|| {
        let list = faregate(&place, &["outbox", "list"]).output().unwrap();
        let list = String::from_utf8(list.stdout).unwrap();
        list.contains("revoked").then_some(list)
    });
    assert!(kept.is_some(), "{:#?}", gate.log());
    let list = fareserver(&place, &["gate", "list"]);
    assert!(
        list.contains("revoked") && list.contains("stolen"),
        "{list}"
    );
    assert_eq!(fareserver(&place, &["gate", "list", "--json"]).trim(), "[]");
    let audit = fareserver(&place, &["audit"]);
    assert!(
        audit.contains("gate-revoke") && audit.contains("stolen"),
        "{audit}"
    );

    // A restart changes nothing, also without the server.
    assert!(gate.terminate().0.success());
    let mut gate = Process::gate(&config);
    gate.wait_for("the server has revoked this gate");
    let mode = done(faregate(&place, &["mode"]));
    assert!(mode.contains("gate PGY-01: closed"), "{mode}");
    assert!(gate.terminate().0.success());

    // Its keys make no new gate of it; new ones do.
    let mut again = place.enroll(&place.invite());
    again.arg("--replace");
    let said = refused(again);
    assert!(said.contains("key was revoked"), "{said}");
    fs::rename(place.folder().join("keys"), place.folder().join("old-keys")).unwrap();
    let mut anew = place.enroll(&place.invite());
    done({
        anew.arg("--replace");
        anew
    });
    let gate = Process::gate(&config);
    gate.wait_for("ready");
    done(faregate(
        &place,
        &["mode", "set", "normal", "--reason", "new keys"],
    ));
    arrives(&place, "normal, by staff", &gate);
    let list = fareserver(&place, &["gate", "list"]);
    assert!(!list.contains("revoked"), "{list}");
}
