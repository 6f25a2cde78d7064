use super::*;

fn server(text: &str) -> Connection {
    Connection { server: Some(text.into()), ..Connection::default() }
}

fn file(text: &str) -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("licences.json");
    std::fs::write(&path, text).unwrap();
    (folder, Connection { server: Some(path.into()), ..Connection::default() })
}

#[test]
fn an_address_is_taken_or_this_machine_is_meant() {
    let address = |text: &str| server(text).options().map(|options| options.server.to_string());
    assert_eq!(address("licences:7").unwrap(), "licences:7");
    assert_eq!(address("").unwrap(), "localhost:16770");
    assert_eq!(Connection::default().options().unwrap().server, ServerAddress::localhost());
    assert!(address("http://licences").unwrap_err().to_string().contains("is a URL"));
}

#[test]
fn a_connection_file_says_everything() {
    let addresses = ["licences.example.com".parse().unwrap(), "[::1]:7".parse().unwrap()];
    let written = ConnectionFile::new(&addresses, Some("PEM".into())).to_json();
    let written = written.replacen('{', "{\n  \"of_a_newer_release\": [1],", 1);
    let written =
        written.replacen('{', "{\"client_certificate\":\"me.pem\",\"client_key\":\"/me-key.pem\",", 1);
    let (folder, connection) = file(&written);
    let options = connection.options().unwrap();
    assert_eq!(options.server, addresses[0]);
    assert_eq!(options.more_servers, addresses[1..]);
    let mut tls = options.tls.unwrap();
    assert_eq!((tls.ca, tls.server_name), (Pem::Text("PEM".into()), None));
    let own = tls.certificate.take().unwrap();
    assert_eq!((own.certificate, own.key), (folder.path().join("me.pem"), "/me-key.pem".into()));
}

#[test]
fn flags_overrule_the_file() {
    let (_folder, mut connection) = file(&ConnectionFile::new(&[ServerAddress::localhost()], None).to_json());
    assert_eq!(connection.options().unwrap().tls, None);
    connection.ca = Some("ca.pem".into());
    connection.certificate = Some("me.pem".into());
    assert!(matches!(connection.options(), Err(ConnectionError::HalfACertificate)));
    connection.key = Some("me-key.pem".into());
    connection.server_name = Some("licences".into());
    let tls = connection.options().unwrap().tls.unwrap();
    assert_eq!((tls.ca, tls.server_name.as_deref()), (Pem::File("ca.pem".into()), Some("licences")));
    assert_eq!(tls.certificate.unwrap().certificate, Path::new("me.pem"));
    connection.ca = None;
    assert!(matches!(connection.options(), Err(ConnectionError::NoCa("client certificate"))));
}

#[test]
fn what_is_no_connection_file_is_told() {
    for (text, part) in [
        ("licences.example.com\n", "is not a connection file"),
        ("{\"format\": 1, \"addresses\": []}", "it has no address"),
        ("{\"format\": 2, \"addresses\": [\"a\"]}", "its format is 2"),
        ("{\"format\": 1, \"addresses\": [\"a b\"]}", "is not a host name"),
        ("{\"format\": 1, \"addresses\": [\"a\"], \"vendor_root\": \"7f\"}", "a key has 32 bytes, not 1"),
        ("{\"format\": 1, \"addresses\": [\"a\"], \"vendor_root\": \"of a release\"}", "as it was printed"),
        ("{\"format\": 1, \"addresses\": [\"a\"], \"license_server_id\": \"7\"}", "\"7\" is not a UUID"),
    ] {
        let error = file(text).1.options().unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("licences.json"), "{error}");
    }
    let error = server("./nowhere").options().unwrap_err().to_string();
    assert!(error.starts_with("the connection file ./nowhere cannot be read"), "{error}");
}

#[test]
fn the_vendors_root_is_pinned_by_the_file_and_overruled() {
    let root = *leasehold_signing::SigningKey::from_seed(&[1; 32]).verifying_key();
    let other = *leasehold_signing::SigningKey::from_seed(&[2; 32]).verifying_key();
    let id = "b08dfa60-83e7-567a-1921-a715000001fb";
    let mut pinned = ConnectionFile::new(&[ServerAddress::localhost()], None);
    pinned.vendor_root = Some(root.to_string());
    pinned.license_server_id = Some(id.to_owned());
    let (_folder, mut connection) = file(&pinned.to_json());
    let options = connection.options().unwrap();
    assert_eq!(options.vendor_root, Some(root));
    assert_eq!(options.license_server_id.unwrap().to_string(), id);
    connection.vendor_root = Some(other.to_string());
    connection.license_server_id = Some("00000000-0000-0000-0000-000000000007".to_owned());
    let options = connection.options().unwrap();
    assert_eq!(options.vendor_root, Some(other));
    assert_eq!(options.license_server_id.unwrap().0.as_u128(), 7);
    assert_eq!(Connection::default().options().unwrap().vendor_root, None);
}

#[test]
fn pins_that_cannot_be_used_are_told() {
    let text = |connection: &Connection| connection.options().unwrap_err().to_string();
    let mut connection = Connection { vendor_root: Some("root".to_owned()), ..Connection::default() };
    let error = text(&connection);
    assert!(error.starts_with("LEASEHOLD_VENDOR_ROOT = \"root\" is not a vendor's root key: "), "{error}");
    connection.vendor_root = None;
    connection.license_server_id = Some("seven".to_owned());
    let error = text(&connection);
    assert!(error.contains("\"seven\" is not a licence server's id"), "{error}");
    connection.license_server_id = Some("b08dfa60-83e7-567a-1921-a715000001fb".to_owned());
    assert!(text(&connection).contains("give the root key too"), "{}", text(&connection));
}
