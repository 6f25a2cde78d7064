use std::fs;
use std::os::unix::fs::PermissionsExt;

use jiff::SignedDuration;
use leasehold::certs::{Authority, Layout, Standing, Validity, hosts};
use leasehold::{Clock as _, SystemClock};

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

/// Certificates and keys of a folder, by name.
fn contents(place: &Place) -> Vec<(String, String)> {
    let read =
        |name: &str, file: &str| fs::read_to_string(place.path(&format!("tls/{name}/{file}"))).unwrap();
    NAMES.iter().map(|name| (read(name, "tls.crt"), read(name, "tls.key"))).collect()
}

#[test]
fn each_folder_has_what_its_owner_needs_and_no_other_key() {
    let place = Place::new();
    let init = ["certs", "init", "--out", "tls", "--folders", "--keep"];
    let ended = place.leasehold(init).expect(0);
    assert!(ended.stdout.contains("certificate = \"tls/licensing/tls.crt\""), "{}", ended.stdout);
    let ca = fs::read_to_string(place.path("tls/ca/tls.crt")).unwrap();
    for name in NAMES {
        let mut files: Vec<String> = fs::read_dir(place.path(&format!("tls/{name}")))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let own: &[&str] =
            if name == "ca" { &["tls.crt", "tls.key"] } else { &["ca.crt", "tls.crt", "tls.key"] };
        assert_eq!(files, own, "{name}");
        if name != "ca" {
            assert_eq!(fs::read_to_string(place.path(&format!("tls/{name}/ca.crt"))).unwrap(), ca);
        }
        let mode = fs::metadata(place.path(&format!("tls/{name}/tls.key"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn what_will_do_is_kept_and_the_rest_made_by_the_same_ca() {
    let place = Place::new();
    let init = ["certs", "init", "--out", "tls", "--folders", "--keep", "--name", "licences"];
    place.leasehold(init).expect(0);
    let first = contents(&place);
    let again = place.leasehold(init).expect(0);
    assert!(again.stdout.contains("nothing was made"), "{}", again.stdout);
    assert_eq!(contents(&place), first);

    fs::remove_file(place.path("tls/sync/tls.key")).unwrap();
    place.write("tls/admin/tls.crt", "no certificate");
    fs::remove_file(place.path("tls/client/ca.crt")).unwrap();
    let mended = place.leasehold(init).expect(0);
    assert!(mended.stdout.trim_end().ends_with(": sync, admin."), "{}", mended.stdout);
    let second = contents(&place);
    let changed = |old: &[(String, String)], new: &[(String, String)]| -> Vec<&str> {
        let pairs = NAMES.iter().zip(old.iter().zip(new));
        pairs.filter(|(_, (old, new))| old != new).map(|(name, _)| *name).collect()
    };
    assert_eq!(changed(&first, &second), ["sync", "admin"]);
    assert_eq!(
        fs::read_to_string(place.path("tls/client/ca.crt")).unwrap(),
        first[0].0,
        "the CA stands again"
    );

    // A name that is new is none of the callers'.
    let named = place.leasehold([&init[..], &["--name", "other"]].concat()).expect(0);
    assert!(named.stdout.contains(": licensing, updates, sync, gateway, backoffice."), "{}", named.stdout);
}

#[test]
fn a_certificate_that_ends_soon_is_made_anew() {
    let place = Place::new();
    let init = ["certs", "init", "--out", "tls", "--keep"];
    place.leasehold(init).expect(0);
    let read = |name: &str| fs::read_to_string(place.path(&format!("tls/{name}"))).unwrap();
    let authority = Authority::read(read("ca.pem"), &read("ca-key.pem")).unwrap();
    let from_days = |days: i64| SystemClock::new().now() + SignedDuration::from_hours(24 * days);
    let old = Validity { from: from_days(-61), until: from_days(29) };
    let names = hosts([]);
    let pair = authority.service("sync", &names, old).unwrap();
    Layout::Files.replace(&place.path("tls"), "sync", &pair).unwrap();
    let made = place.leasehold(init).expect(0);
    assert!(made.stdout.trim_end().ends_with(": sync."), "{}", made.stdout);
    assert!(Standing::read(&read("sync.pem")).unwrap().will_do(from_days(30), &names));
    assert!(place.leasehold(init).expect(0).stdout.contains("nothing was made"));
}

#[test]
fn without_its_ca_nothing_is_made() {
    let place = Place::new();
    let init = ["certs", "init", "--out", "tls", "--keep"];
    place.leasehold(init).expect(0);
    fs::remove_file(place.path("tls/ca-key.pem")).unwrap();
    place.leasehold(init).expect_error(6, &["ca-key.pem cannot be read", "put its files back"]);
    place.write("tls/ca-key.pem", "no key");
    place.leasehold(init).expect_error(1, &["ca-key.pem are no CA"]);
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
