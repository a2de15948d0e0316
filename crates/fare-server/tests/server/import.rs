//! Records by hand: a gate's bundle, taken as an upload is; twice without harm.

use super::site::{NOW, Site};
use crate::gate::{Gate, account, upload};
use ed25519_dalek::SigningKey;
use fare_protocol::bundle::{self, BundleKind, MAGIC_LEN, PREFIX_LEN, SignedPart};
use fare_protocol::wire::UploadRequest;
use fare_protocol::{Direction, SignedRecord, Signer};
use fare_server::import::{ImportError, Importer, Part};

fn server_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// A part as a gate writes it.
fn part(gate: &Gate, records: &[SignedRecord]) -> Vec<u8> {
    let request = UploadRequest {
        records: records.iter().map(upload).collect(),
    };
    let json = serde_json::to_vec(&request).unwrap();
    let server = Signer::public(&server_key());
    let kind = BundleKind::Records;
    bundle::seal(kind, gate.id, &json, &gate.key, &server, [7; 32]).unwrap()
}

fn file(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut file = BundleKind::Records.magic().to_vec();
    for part in parts {
        file.extend(bundle::prefix(part).unwrap());
        file.extend(part);
    }
    file
}

impl Site {
    fn import(&mut self, file: &[u8]) -> Result<(Vec<Part>, Vec<u8>), ImportError> {
        let mut answers = Vec::new();
        let mut importer = Importer {
            database: &mut self.database,
            settlement: &self.settlement,
            key: &server_key(),
            now: NOW,
        };
        let parts = importer.import(&mut &*file, &mut answers)?;
        Ok((parts, answers))
    }
}

/// The answers in an acknowledgement file, as JSON, opened as each gate does.
fn opened(mut answers: &[u8], gates: &[&Gate]) -> Vec<serde_json::Value> {
    assert_eq!(answers[..MAGIC_LEN], BundleKind::Answers.magic());
    answers = &answers[MAGIC_LEN..];
    let mut all = Vec::new();
    for gate in gates {
        let prefix = answers[..PREFIX_LEN].try_into().unwrap();
        let len = bundle::part_len(prefix).unwrap();
        let part = &answers[PREFIX_LEN..PREFIX_LEN + len];
        answers = &answers[PREFIX_LEN + len..];
        let part = SignedPart::parse(BundleKind::Answers, part).unwrap();
        assert_eq!(part.gate(), gate.id);
        let servers = super::site::forever(&server_key());
        let json = part.verify_any(&servers, NOW).unwrap().open(&gate.key);
        all.push(serde_json::from_slice(&json.unwrap()).unwrap());
    }
    assert!(answers.is_empty());
    all
}

fn lines(parts: &[Part]) -> Vec<String> {
    let line = |part: &Part| match &part.taken {
        Ok((gate, report)) => format!("{gate} {} {}", report.accepted, report.repeated),
        Err(err) => err.to_string(),
    };
    parts.iter().map(line).collect()
}

#[test]
fn a_bundle_is_an_upload_and_its_answers_are_the_same() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    let entry = a.passes(Direction::Entry, account(1), 1);
    let exit = b.passes(Direction::Exit, account(1), 40);
    let bundle = file(&[part(&a, &entry), part(&b, &exit)]);
    let (parts, answers) = site.import(&bundle).unwrap();
    assert_eq!(lines(&parts), ["PGY-01 2 0", "XDN-02 2 0"]);
    assert_eq!(site.sums(), (-500, 0, 500));
    let first = opened(&answers, &[&a, &b]);
    let sent = site.send(&a, &entry.each_ref());
    for (answer, sent) in first[0]["answers"].as_array().unwrap().iter().zip(&sent) {
        let sent: serde_json::Value = serde_json::from_str(sent).unwrap();
        assert_eq!(*answer, sent, "over the network it is the same");
    }
    let (parts, answers) = site.import(&bundle).unwrap();
    assert_eq!(lines(&parts), ["PGY-01 0 2", "XDN-02 0 2"]);
    assert_eq!(
        opened(&answers, &[&a, &b]),
        first,
        "the first answers again"
    );
    assert_eq!(site.sums(), (-500, 0, 500));
    assert_eq!(site.conflict_kinds(), [""; 0]);
}

#[test]
fn what_is_wrong_with_a_part_holds_up_no_other() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let stranger = Gate::new("AAA-01", "PGY");
    let mut forger = Gate::new("PGY-01", "PGY");
    forger.key = SigningKey::from_bytes(&[1; 32]);
    let mut site = Site::new(&[&a, &b]);
    let entry = a.passes(Direction::Entry, account(1), 1);
    let exit = b.passes(Direction::Exit, account(1), 40);
    let other_server = Signer::public(&SigningKey::from_bytes(&[2; 32]));
    let kind = BundleKind::Records;
    let elsewhere = bundle::seal(kind, a.id, b"{}", &a.key, &other_server, [7; 32]).unwrap();
    let nonsense = Signer::public(&server_key());
    let nonsense = bundle::seal(kind, a.id, b"[1]", &a.key, &nonsense, [7; 32]).unwrap();
    let parts = [
        part(&stranger, &stranger.passes(Direction::Entry, account(2), 1)),
        part(&forger, &entry),
        elsewhere,
        nonsense,
        vec![1, 2, 3],
        part(&a, &entry),
        part(&b, &exit),
    ];
    let whole = file(&parts);
    let (done, answers) = site.import(&whole[..whole.len() - 5]).unwrap();
    let said = lines(&done);
    for (line, expected) in said.iter().zip([
        "gate AAA-01 is not registered",
        "no key",
        "sealed for",
        "the body is not",
        "bundle part",
        "PGY-01 2 0",
        "the file ends in the middle of it",
    ]) {
        assert!(line.contains(expected), "{expected}: {said:?}");
    }
    opened(&answers, &[&a]);
    assert_eq!(site.journeys()[0].state, "open");
    site.import(&whole).unwrap();
    assert_eq!(site.sums(), (-500, 0, 500));
}

#[test]
fn other_files_are_no_bundles() {
    let mut site = Site::new(&[]);
    for bytes in [&b""[..], b"FAREACK1", b"{\"records\": []}"] {
        let refused = site.import(bytes).err().unwrap();
        assert!(matches!(refused, ImportError::NotABundle), "{refused}");
    }
    let mut endless = BundleKind::Records.magic().to_vec();
    endless.extend([0xff; 64]);
    let (parts, _) = site.import(&endless).unwrap();
    assert_eq!(parts.len(), 1, "nothing can be found behind it");
    assert!(parts[0].taken.is_err());
}
