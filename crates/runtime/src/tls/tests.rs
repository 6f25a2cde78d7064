use std::time::Duration;

use super::*;
use crate::config::ClientAuth;

const LISTEN: &str = "licensing.listen";

fn tls() -> Tls {
    Tls {
        certificate: None,
        key: None,
        client_ca: None,
        client_auth: ClientAuth::Optional,
        reload_interval: Duration::from_secs(1),
    }
}

fn security(allow_plaintext: bool) -> Security {
    Security { allow_plaintext, callers: Vec::new(), master_key: "".into(), master_key_file: None }
}

fn open(tls: &Tls, allow_plaintext: bool, address: &str) -> Result<Transport, TlsError> {
    Transport::open(tls, &security(allow_plaintext), address.parse().unwrap(), LISTEN)
}

fn caller(transport: &Transport) -> &Caller {
    match &transport.0 {
        Kind::Plain(caller) => caller,
        Kind::Tls(_) => panic!("this is plain text"),
    }
}

#[test]
fn plain_text_is_for_this_machine() {
    for address in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert_eq!(caller(&open(&tls(), false, address).unwrap()), &Caller::Local, "{address}");
        assert_eq!(caller(&open(&tls(), true, address).unwrap()), &Caller::Local, "{address}");
    }
    for address in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:192.0.2.1]:1"] {
        let Err(error) = open(&tls(), false, address) else { panic!("{address} is open to the network") };
        let error = error.to_string();
        for part in [address, "`licensing.listen`", "leasehold certs init", "security.allow_plaintext = true"]
        {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(caller(&open(&tls(), true, address).unwrap()), &Caller::Anonymous, "{address}");
    }
}

#[test]
fn half_a_configuration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| Some(folder.path().join(name));
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    let garbage = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    std::fs::write(folder.path().join("garbage.pem"), garbage).unwrap();
    let (empty, none) = (path("empty.pem"), path("none.pem"));
    for (settings, part) in [
        (Tls { certificate: empty.clone(), ..tls() }, "`tls.certificate` is set and `tls.key` is not"),
        (Tls { key: empty.clone(), ..tls() }, "`tls.key` is set and `tls.certificate` is not"),
        (Tls { client_ca: empty.clone(), ..tls() }, "`tls.client_ca` is set and `tls.certificate` is not"),
        (Tls { client_auth: ClientAuth::Required, ..tls() }, "`tls.certificate` is not"),
        (
            Tls {
                certificate: empty.clone(),
                key: empty.clone(),
                client_auth: ClientAuth::Required,
                ..tls()
            },
            "`tls.client_ca` is not set",
        ),
        (Tls { certificate: none.clone(), key: empty.clone(), ..tls() }, "none.pem cannot be read"),
        (Tls { certificate: empty.clone(), key: empty.clone(), ..tls() }, "`tls.certificate`: "),
        (Tls { certificate: path("garbage.pem"), key: empty, ..tls() }, "garbage.pem cannot be read as PEM"),
    ] {
        let Err(error) = open(&settings, true, "127.0.0.1:1") else { panic!("{settings:?}") };
        assert!(error.to_string().contains(part), "{error}");
    }
}
