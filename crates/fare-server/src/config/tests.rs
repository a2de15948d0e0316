//! The example configuration holds, and every mistake in it is told with its line.
#![allow(clippy::unwrap_used)]

use super::*;
use fare_protocol::{KeyEntry, UnixMs};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tempfile::TempDir;

/// The issuer's seed is this byte, 32 times.
const ISSUER_SEED: &str = "1b";

const EXAMPLE: &str = include_str!("../../server.example.toml");

/// A folder with all that the example names, and `config` as its server.toml.
fn folder(config: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap().pem();
    write("server-cert.pem", &cert);
    write("gates-ca.pem", &cert);
    write("server-key.pem", &key.serialize_pem());
    write(
        "other-key.pem",
        &KeyPair::generate().unwrap().serialize_pem(),
    );
    for (name, mode, seed) in [
        ("server.seed", 0o600, "7a".repeat(32)),
        ("open.seed", 0o644, "7a".repeat(32)),
        ("short.seed", 0o600, "7a".repeat(31)),
        ("issuer.seed", 0o600, ISSUER_SEED.repeat(32)),
    ] {
        write(name, &format!("{seed}\n"));
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder.path().join(name), mode).unwrap();
    }
    let issuer = fare_protocol::signing_key(&ISSUER_SEED.repeat(32)).unwrap();
    let issuers = KeySet(vec![KeyEntry {
        key: Signer::public(&issuer),
        from_ms: UnixMs(0),
        until_ms: UnixMs(i64::MAX),
    }]);
    write("issuers.json", &serde_json::to_string(&issuers).unwrap());
    let tariff = include_str!("../../../../gate-config/tariff-beijing.toml");
    write("tariff-beijing.toml", tariff);
    let stations = include_str!("../../../../gate-config/stations-beijing-line1.toml");
    write("stations-beijing-line1.toml", stations);
    write("server.toml", config);
    let file = folder.path().join("server.toml");
    (folder, file)
}

#[test]
fn the_example_holds() {
    let (folder, file) = folder(EXAMPLE);
    let config = load(&file, Overrides::default()).unwrap();
    let file = folder.path().join("fares.sqlite3");
    assert_eq!(config.database.to_string(), file.display().to_string());
    assert_eq!(config.listen, "127.0.0.1:8443".parse().unwrap());
    assert_eq!(
        config.console_listen,
        Some("127.0.0.1:8080".parse().unwrap())
    );
    assert_eq!(config.ready_file, Some(folder.path().join("ready.json")));
    assert_eq!(config.settlement.journey_valid, Millis(14_400_000));
    let riders = config.riders.unwrap();
    assert_eq!(riders.listen, "127.0.0.1:8082".parse().unwrap());
    assert_eq!(riders.grant.part_valid, Millis(7 * 86_400_000));
    assert_eq!(riders.grant.fare_limit.to_string(), "CNY 50.00");
}

#[test]
fn the_command_line_comes_first() {
    let (_folder, file) = folder(EXAMPLE);
    let listen = "127.0.0.1:1".parse().unwrap();
    let overrides = Overrides {
        database: Some("/x".parse().unwrap()),
        listen: Some(listen),
    };
    let config = load(&file, overrides).unwrap();
    assert_eq!(
        (config.database.to_string().as_str(), config.listen),
        ("/x", listen)
    );
}

#[test]
// long: one table
fn mistakes_are_told_with_their_line_and_what_to_write() {
    // what stands in the example | what stands there instead | what is said
    for (good, bad, said) in [
        (
            "\"127.0.0.1:8443\"",
            "\"somewhere\"",
            "write one like \"127.0.0.1:8443\"",
        ),
        (
            "\"127.0.0.1:8080\"",
            "\"0.0.0.0:8080\"",
            "write a loopback address",
        ),
        (
            "\"fares.sqlite3\"",
            "\"postgres://fares\"",
            "fares is another machine; add",
        ),
        (
            "\"fares.sqlite3\"",
            "\"mysql://fares\"",
            "neither the path of a SQLite file",
        ),
        (
            "\"server.seed\"",
            "\"none.seed\"",
            "write 64 hex digits there",
        ),
        (
            "\"server.seed\"",
            "\"open.seed\"",
            "has mode 644: others could read the key",
        ),
        (
            "\"server.seed\"",
            "\"short.seed\"",
            "is not 64 hexadecimal digits",
        ),
        (
            "\"issuers.json\"",
            "\"server.toml\"",
            "write a list of {\"key\"",
        ),
        ("\"tariff-beijing.toml\"", "\"none.toml\"", "cannot read"),
        (
            "\"tariff-beijing.toml\"",
            "\"stations-beijing-line1.toml\"",
            "line",
        ),
        ("= 14_400_000", "= 0", "write 1 to 172800000"),
        (
            "\"server-cert.pem\"",
            "\"issuers.json\"",
            "holds no certificate",
        ),
        ("\"server-key.pem\"", "\"other-key.pem\"", "cannot be used"),
        ("\"gates-ca.pem\"", "\"none.pem\"", "cannot read"),
        (
            "listen = \"127.0.0.1:8443\"",
            "lisen = \"127.0.0.1:8443\"",
            "unknown field `lisen`",
        ),
        ("= 14_400_000", "= \"long\"", "invalid type"),
        (
            "\"127.0.0.1:8082\"",
            "\"0.0.0.0:8082\"",
            "name both, or write a loopback address",
        ),
        (
            "\"issuer.seed\"",
            "\"server.seed\"",
            "gates would refuse this issuer's codes",
        ),
        ("= 60_000", "= 5_000", "write 10000 to 600000"),
        ("offline_days = 7", "offline_days = 31", "write 1 to 30"),
        ("= 5000", "= -1", "write 1 to 1000000"),
        (
            "# wallet = \"../../wallet/dist\"",
            "wallet = \"nowhere\"",
            "cannot read",
        ),
        (
            "# cert = \"riders-cert.pem\"",
            "cert = \"server-cert.pem\"",
            "go together",
        ),
    ] {
        let (_folder, file) =
            folder(&EXAMPLE.replacen(&format!("{good}\n"), &format!("{bad}\n"), 1));
        let refused = load(&file, Overrides::default()).err().unwrap();
        let [problem] = &refused.problems[..] else {
            panic!("{good} -> {bad}: {refused}")
        };
        assert!(problem.message.contains(said), "{good} -> {bad}: {refused}");
        let line = EXAMPLE
            .lines()
            .position(|line| line.contains(good))
            .unwrap()
            + 1;
        // Certificate and key are judged together, at the certificate's line.
        let together = bad == "\"other-key.pem\"";
        let line = if together { line - 1 } else { line };
        assert_eq!(problem.line, line, "{good} -> {bad}: {refused}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_order() {
    let bad = EXAMPLE
        .replace("\"issuers.json\"", "\"none.json\"")
        .replace("\"gates-ca.pem\"", "\"none.pem\"")
        .replace("= 14_400_000", "= 0");
    let (_folder, file) = folder(&bad);
    let refused = load(&file, Overrides::default()).err().unwrap();
    let lines = refused
        .problems
        .iter()
        .map(|problem| problem.line)
        .collect::<Vec<_>>();
    assert_eq!(lines.len(), 3);
    assert!(lines.is_sorted(), "{refused}");
}

#[test]
fn a_missing_key_is_named() {
    let without = EXAMPLE.replace("issuers = \"issuers.json\"\n", "");
    let (_folder, file) = folder(&without);
    let refused = load(&file, Overrides::default()).err().unwrap().to_string();
    assert!(refused.contains("missing field `issuers`"), "{refused}");
}

/// The example with its payment platforms, and the keys that they name.
fn with_platforms(change: (&str, &str)) -> (TempDir, PathBuf) {
    let (before, rest) = EXAMPLE.split_once("# [charging.alipay]").unwrap();
    let (platforms, after) = rest.split_once("\n[tls]").unwrap();
    let bare: String = platforms
        .lines()
        .filter(|line| line.contains(" = ") || line.starts_with("# ["))
        .map(|line| format!("{}\n", line.trim_start_matches("# ")))
        .collect();
    let text = format!("{before}[charging.alipay]\n{bare}\n[tls]{after}")
        .replace("gateway =", "authorities = \"server-cert.pem\"\ngateway =")
        .replace("api =", "authorities = \"server-cert.pem\"\napi =");
    assert!(text.contains(change.0), "{}", change.0);
    let (folder, file) = folder(&text.replacen(change.0, change.1, 1));
    let key = include_str!("../../../fare-sim/src/platform/keys/merchant.pem");
    let public = include_str!("../../../fare-sim/src/platform/keys/platform.pub.pem");
    let seal = "5a".repeat(32);
    let clearing = include_str!("../../../../gate-config/clearing.toml");
    for (name, text, mode) in [
        ("clearing.toml", clearing, 0o644),
        ("alipay-app-key.pem", key, 0o600),
        ("wechat-merchant-key.pem", key, 0o600),
        ("open-key.pem", key, 0o644),
        (
            "wechat-api-v3.key",
            "sandbox-api-v3-key-of-32-letters\n",
            0o600,
        ),
        ("pay-codes.key", seal.as_str(), 0o600),
        ("alipay-public-key.pem", public, 0o644),
        ("wechat-public-key.pem", public, 0o644),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    (folder, file)
}

#[test]
fn the_example_of_payment_platforms_holds() {
    let (_folder, file) = with_platforms(("retry_days = [1, 3, 7]", "retry_days = [2, 5]"));
    let config = load(&file, Overrides::default()).unwrap();
    let charging = config.charging.unwrap();
    let names: Vec<_> = charging.remote.iter().map(|one| one.id().code()).collect();
    assert_eq!(names, ["alipay", "wechat"]);
    assert!(charging.stored_value);
    assert_eq!(charging.rules.policy, fare_rules::charging::Policy::Day);
    assert_eq!(charging.rules.subject, "Metro fare");
    let ids: Vec<_> = charging.remote.iter().map(|one| one.id()).collect();
    assert_eq!(config.pay_codes.unwrap().platforms, ids);
    let sharing = config.sharing.unwrap();
    assert_eq!(sharing.rule.operator.len(), 2);
    assert!(sharing.statements.unwrap().ends_with("statements"));
}

#[test]
fn mistakes_about_payment_platforms_are_told_with_what_to_write() {
    for (good, bad, said) in [
        ("[1, 3, 7]", "[3, 1]", "each later than the one before"),
        (
            "\"end-of-day\"\n",
            "\"weekly\"\n",
            "write \"per-journey\", \"end-of-day\" or",
        ),
        (
            "\"end-of-day\"\n",
            "\"threshold\"\n",
            "needs `threshold_minor`",
        ),
        (
            "# threshold_minor",
            "threshold_minor",
            "belongs to the policy",
        ),
        (
            "\"127.0.0.1:8083\"",
            "\"0.0.0.0:8083\"",
            "write a loopback address",
        ),
        (
            "\"https://openapi.alipay.com\"",
            "\"http://openapi.alipay.com\"",
            "go over https only",
        ),
        ("\"alipay-app-key.pem\"", "\"open-key.pem\"", "has mode 644"),
        ("\"alipay-app-key.pem\"", "\"server-key.pem\"", "mode"),
        (
            "\"alipay-public-key.pem\"",
            "\"issuers.json\"",
            "not a public key",
        ),
        (
            "\"wechat-api-v3.key\"",
            "\"issuer.seed\"",
            "has 32 letters and digits",
        ),
        ("platform_key_id =", "# platform_key_id =", "go together"),
        (
            "\"pay-codes.key\"",
            "\"nowhere.key\"",
            "openssl rand -hex 32",
        ),
        ("\"pay-codes.key\"", "\"open-key.pem\"", "has mode 644"),
        (
            "\"pay-codes.key\"",
            "\"wechat-api-v3.key\"",
            "not hexadecimal digits",
        ),
        ("subject = \"Metro fare\"\n", "", "missing field `subject`"),
    ] {
        let (_folder, file) = with_platforms((good, bad));
        let refused = load(&file, Overrides::default()).err().unwrap().to_string();
        assert!(refused.contains(said), "{good} -> {bad}: {refused}");
    }
}
