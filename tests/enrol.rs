//! From an empty folder to a gate that its server believes, with the two real programs: the operator
//! makes a server and a ticket, the gate shows the ticket.
#![allow(clippy::unwrap_used)]

mod common;

use common::place::{Place, done, refused};
use common::{Process, change, program, until};
use fast_qr::{ECL, QRBuilder};
use image::{GrayImage, Luma};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

#[test]
fn a_ticket_makes_a_gate_that_the_server_believes() {
    let place = Place::new();
    let _server = place.serve();
    let ticket = place.invite();
    let said = done(place.enroll(&ticket));
    assert!(said.contains("gate PGY-01 enrolled"), "{said}");
    let folder = place.folder();
    let mode = fs::metadata(folder.join("keys/gate.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!folder.join(".enrol").exists());

    // Believed: by certificate, or there would be no connection, and by key, or no record would be taken.
    let gate = Process::gate(&folder.join("gate.toml"));
    gate.wait_for("ready");
    let mut mode = program("faregate");
    mode.args([
        "mode",
        "set",
        "closed",
        "--direction",
        "entry",
        "--reason",
        "test",
        "--config",
    ]);
    mode.arg(folder.join("gate.toml"));
    done(mode);
    let database = place.dir.path().join("server/fares.sqlite3");
    let arrived = until(|| {
        let mut modes = program("fareserver");
        modes.args(["gate", "modes", "--database"]).arg(&database);
        done(modes).contains("closed").then_some(())
    });
    assert!(arrived.is_some(), "{:#?}", gate.log());
}

#[test]
fn a_ticket_works_once_and_what_is_there_stays() {
    let place = Place::new();
    let ticket = place.invite();
    let unreached = refused(place.enroll(&ticket));
    assert!(
        unreached.contains("try again with the same ticket"),
        "{unreached}"
    );
    let _server = place.serve();
    done(place.enroll(&ticket));
    let config = fs::read_to_string(place.folder().join("gate.toml")).unwrap();
    let there = refused(place.enroll(&ticket));
    assert!(there.contains("--replace"), "{there}");

    // The answer may have been lost: the same keys get it again. Other keys do not.
    let mut again = place.enroll(&ticket);
    again.arg("--replace");
    done(again);
    fs::remove_file(place.folder().join("keys/gate.key")).unwrap();
    let mut other = place.enroll(&ticket);
    other.arg("--replace");
    let said = refused(other);
    assert!(said.contains("another gate used this ticket"), "{said}");
    assert_eq!(
        fs::read_to_string(place.folder().join("gate.toml")).unwrap(),
        config
    );

    // As server and token, the token where no list of processes shows it.
    let (token, address) = ticket.strip_prefix("FGE1:").unwrap().split_at(64);
    let mut typed = program("faregate");
    typed.args([
        "enroll",
        "--server",
        &address[1..],
        "--token",
        "-",
        "--replace",
        "--folder",
    ]);
    typed
        .arg(place.folder())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut typed = typed.spawn().unwrap();
    let mut input = typed.stdin.take().unwrap();
    writeln!(input, "{token}").unwrap();
    drop(input);
    let said = String::from_utf8(typed.wait_with_output().unwrap().stderr).unwrap();
    assert!(said.contains("another gate used this ticket"), "{said}");

    let said = refused(place.enroll("FG1:ABC"));
    assert!(said.contains("a ticket begins with FGE1:"), "{said}");
}

#[test]
fn another_server_and_a_bad_configuration_change_nothing() {
    let place = Place::new();
    let _server = place.serve();
    change(&place.gate_toml, "grace_ms = 5000 ", "grace = 5000 ");
    let ticket = place.invite();
    let said = refused(place.enroll(&ticket));
    assert!(
        said.contains("does not pass") && said.contains("grace"),
        "{said}"
    );
    assert!(!place.folder().join("gate.toml").exists());

    // The fingerprint is another authority's.
    let (head, token) = ticket.split_at("FGE1:".len());
    let (token, address) = token.split_at(64);
    let other = format!("{head}{}{}{address}", &token[..40], "A".repeat(24));
    let said = refused(place.enroll(&other));
    assert!(said.contains("UnknownIssuer"), "{said}");
}

/// Without a keyboard: the ticket is a picture before the gate's own camera.
#[test]
fn a_ticket_is_read_from_a_picture() {
    let place = Place::new();
    let _server = place.serve();
    let code = QRBuilder::new(place.invite()).ecl(ECL::M).build().unwrap();
    let (scale, border) = (6, 8);
    let side = u32::try_from(code.size).unwrap() * scale + 2 * border * scale;
    let picture = GrayImage::from_fn(side, side, |x, y| {
        let at = |place: u32| usize::try_from((place / scale).checked_sub(border)?).ok();
        let dark = at(x).zip(at(y)).is_some_and(|(column, row)| {
            column < code.size && row < code.size && code[row][column].value()
        });
        Luma([if dark { 20 } else { 230 }])
    });
    let pictures = place.dir.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    for n in 0..3 {
        picture.save(pictures.join(format!("{n}.png"))).unwrap();
    }
    let mut enroll = program("faregate");
    enroll.arg("enroll").arg("--pictures").arg(&pictures);
    enroll.arg("--folder").arg(place.folder());
    let said = done(enroll);
    assert!(said.contains("gate PGY-01 enrolled"), "{said}");
}
