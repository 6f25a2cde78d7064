use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{ESTATE, Place, exists};

const NAMES: [&str; 8] = ["ca", "licensing", "updates", "sync", "gateway", "backoffice", "admin", "client"];

#[test]
fn certificates_are_made_and_their_keys_are_the_owners_alone() {
    let place = Place::new();
    let ended = place.leasehold(["certs", "init", "--out", "tls", "--name", "licences:16770"]).expect(0);
    for part in [
        "for licences, localhost, 127.0.0.1, ::1.",
        "certificate = \"tls/licensing.pem\"",
        "LEASEHOLD_CA=tls/ca.pem",
    ] {
        assert!(ended.stdout.contains(part), "{part:?} is not in {}", ended.stdout);
    }
    let mut keys = Vec::new();
    for name in NAMES {
        let certificate = fs::read_to_string(place.path(&format!("tls/{name}.pem"))).unwrap();
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"), "{certificate}");
        let key = place.path(&format!("tls/{name}-key.pem"));
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        keys.push(fs::read_to_string(key).unwrap());
        assert!(keys.last().unwrap().starts_with("-----BEGIN PRIVATE KEY-----"), "{name}");
        assert!(!ended.stdout.contains(keys.last().unwrap().lines().nth(1).unwrap()), "keys are not printed");
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), NAMES.len(), "each has a key of its own");
    assert_eq!(fs::read_dir(place.path("tls")).unwrap().count(), 2 * NAMES.len(), "and that is all");
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::new();
    fs::create_dir(place.path("tls")).unwrap();
    let mine = place.write("tls/sync-key.pem", "mine");
    let init = ["certs", "init", "--out", "tls"];
    place.leasehold(init).expect_error(6, &["sync-key.pem is there already"]);
    assert_eq!(fs::read_to_string(mine).unwrap(), "mine");
    assert!(!exists(&place.path("tls/ca.pem")), "then nothing is written");
}

#[test]
fn names_and_days_that_cannot_be_are_refused() {
    let place = Place::new();
    place.leasehold(["certs", "init", "--out", "tls", "--days", "0"]).expect_error(2, &["--days"]);
    let odd = ["certs", "init", "--out", "tls", "--name", "two words"];
    place.leasehold(odd).expect_error(1, &["cannot have the name \"two words\""]);
    assert!(!exists(&place.path("tls")));
}

#[test]
fn the_connection_file_has_the_addresses_and_the_ca_and_no_key() {
    let place = Place::new();
    let read = || place.leasehold(["client-config"]).expect(0).json();
    assert_eq!(read()["addresses"], serde_json::json!(["localhost:16770"]));
    assert!(read().get("ca_certificate").is_none());

    place.leasehold(["certs", "init", "--out", "tls"]).expect(0);
    let tls = "[tls]\ncertificate = 'tls/licensing.pem'\nkey = 'tls/licensing-key.pem'\n";
    let listen = "[licensing]\nlisten = '0.0.0.0:7'\n";
    place.write("leasehold.toml", &format!("{tls}{listen}"));
    place.leasehold(["client-config"]).expect_error(1, &["runtime.advertised_addresses", "--address"]);
    let named = ["client-config", "--address", "licences"];
    place.leasehold(named).expect_error(1, &["--ca"]);
    let whole = |ca: &'static str| ["client-config", "--address", "licences", "--ca", ca];
    place.leasehold(whole("tls/ca-key.pem")).expect_error(1, &["private key"]);
    place.leasehold(whole("leasehold.toml")).expect_error(1, &["no certificate"]);
    let file = place.leasehold(whole("tls/ca.pem")).expect(0).json();
    assert_eq!(file["addresses"], serde_json::json!(["licences:16770"]));
    let ca = fs::read_to_string(place.path("tls/ca.pem")).unwrap();
    assert_eq!(file["ca_certificate"], serde_json::json!(ca));

    let mut kept = whole("tls/ca.pem").to_vec();
    kept.extend(["--out", "connection.json"]);
    place.leasehold(kept.clone()).expect(0);
    place.leasehold(kept).expect_error(6, &["connection.json is there already"]);
}

#[test]
fn init_leaves_a_connection_file_for_this_machine() {
    let place = Place::initialised();
    let file = fs::read_to_string(place.path("leasehold-connection.json")).unwrap();
    assert_eq!(file, place.leasehold(["client-config"]).expect(0).stdout);
}

#[test]
fn plain_text_to_the_network_keeps_the_server_from_starting() {
    let place = Place::initialised();
    let parts = ["`licensing.listen` = 0.0.0.0:0", "tls.certificate", "security.allow_plaintext"];
    place.leasehold(["serve", "--listen", "0.0.0.0:0"]).expect_error(1, &parts);
}

#[test]
fn half_a_client_certificate_is_a_usage_error() {
    let place = Place::new();
    let half = ["feature", "list", "--cert", "me.pem"];
    place.leasehold(half).expect_error(2, &["a client certificate and its key go together", "--key FILE"]);
    let plain = ["feature", "list", "--cert", "me.pem", "--key", "me-key.pem"];
    place.leasehold(plain).expect_error(2, &["no CA", "--ca FILE"]);
    let nowhere = ["feature", "list", "--server", "./nowhere.json"];
    place.leasehold(nowhere).expect_error(2, &["connection file ./nowhere.json cannot be read"]);
}

#[test]
fn what_certificates_are_wanted_is_told_with_the_flags_to_give_them_by() {
    let place = Place::initialised();
    for folder in ["tls", "other"] {
        place.leasehold(["certs", "init", "--out", folder]).expect(0);
    }
    let server = place.serve_alone(&[
        ("LEASEHOLD__TLS__CERTIFICATE", "tls/licensing.pem"),
        ("LEASEHOLD__TLS__KEY", "tls/licensing-key.pem"),
        ("LEASEHOLD__TLS__CLIENT_CA", "tls/ca.pem"),
    ]);
    let list = |flags: &str| {
        server.leasehold(&place, ["feature", "list"].into_iter().chain(flags.split_whitespace()))
    };
    let (ca, certificate) = ("--ca FILE, or LEASEHOLD_CA", "--cert FILE and --key FILE, or LEASEHOLD_CERT");
    for (flags, code, asked) in [
        ("", 7, ca),
        ("--ca other/ca.pem", 7, ca),
        ("--ca nowhere.pem", 7, ca),
        ("--ca tls/ca.pem --server-name licences", 7, "--server-name NAME, or LEASEHOLD_SERVER_NAME"),
        ("--ca tls/ca.pem", 4, certificate),
        ("--ca tls/ca.pem --cert other/admin.pem --key other/admin-key.pem", 7, certificate),
        ("--ca tls/ca.pem --cert tls/admin.pem --key other/admin-key.pem", 7, certificate),
        ("--ca tls/ca.pem --cert tls/admin.pem --key nowhere.pem", 7, certificate),
    ] {
        list(flags).expect_error(code, &[asked]);
    }
    list("--ca tls/ca.pem --cert tls/admin.pem --key tls/admin-key.pem").expect(0);
    let run = ["run", "Export", "--", "true"];
    server.leasehold(&place, run).expect_error(7, &["the server speaks TLS", ca]);
}

#[test]
fn a_ca_for_a_server_on_plain_text_is_told_where_it_comes_from() {
    let place = Place::initialised();
    place.leasehold(["certs", "init", "--out", "tls"]).expect(0);
    let server = place.serve(ESTATE);
    let list = ["feature", "list", "--ca", "tls/ca.pem"];
    server.leasehold(&place, list).expect_error(7, &["does not speak TLS", "it comes from --ca"]);
}
