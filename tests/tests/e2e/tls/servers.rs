//! Servers that a client must not believe, and addresses that a server must not serve plain text on.

use std::net::SocketAddr;

use leasehold::app::StartError;
use leasehold::certs::{Authority, hosts};
use leasehold_client::{CallError, Client, ConnectionFile, Pem, Tls};

use super::{SAMPLE, Site, ask, connect, is_served, loopback, reason, start, today};

async fn problem(client: &Client) -> String {
    let error = ask(client, SAMPLE[0]).await.expect("this server is not to be believed");
    match client.call_error(&error) {
        CallError::Insecure { problem, .. } => problem,
        other => panic!("{other:?}, from {error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_name_lists_the_names_that_would_do() {
    let site = Site::serve(&[]).await;
    let mut tls = site.tls(None);
    tls.server_name = Some("licences.example.com".to_owned());
    let problem = problem(&connect(site.address(), Some(tls)).await).await;
    for part in ["not for licences.example.com", "but for localhost, 127.0.0.1, ::1"] {
        assert!(problem.contains(part), "{problem}");
    }
    let mut tls = site.tls(None);
    tls.server_name = Some("localhost".to_owned());
    assert!(is_served(&connect(site.address(), Some(tls)).await, SAMPLE[0]).await);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_another_ca_is_not_believed() {
    let site = Site::serve(&[]).await;
    for name in ["Another CA", "Test CA"] {
        let other = Authority::new(name, today()).unwrap();
        let tls = Tls::new(Pem::Text(other.certificate().to_owned()));
        let problem = problem(&connect(site.address(), Some(tls)).await).await;
        assert!(problem.contains("not of the CA that was given"), "{problem}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callers_certificate_makes_no_server() {
    let mut site = Site::new();
    site.write("licensing", &site.authority.caller("admin", today()).unwrap());
    let paths = [site.path("licensing.pem"), site.path("licensing-key.pem")];
    let [certificate, key] = paths.each_ref().map(|path| path.to_str().unwrap());
    let settings = [("tls.certificate", certificate), ("tls.key", key)];
    site.running = Some(start(&settings, loopback()).await.unwrap());
    let mut tls = site.tls(None);
    tls.server_name = Some("localhost".to_owned());
    let problem = problem(&connect(site.address(), Some(tls)).await).await;
    assert!(problem.contains("the server's certificate is not"), "{problem}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_text_and_tls_tell_each_other_apart() {
    let site = Site::serve(&[]).await;
    let told = problem(&connect(site.address(), None).await).await;
    assert!(told.contains("the server speaks TLS"), "{told}");
    let plain = start(&[], loopback()).await.unwrap();
    let told = problem(&connect(plain.licensing_addr(), Some(site.tls(None))).await).await;
    assert!(told.contains("the server does not speak TLS"), "{told}");
    plain.stop().await.unwrap();
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_text_to_the_network_has_to_be_asked_for() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let Err(error) = start(&[], everywhere).await else { panic!("nobody has allowed this") };
    assert!(matches!(error, StartError::Tls(_)), "{error}");
    assert!(error.to_string().contains("security.allow_plaintext = true"), "{error}");

    let running = start(&[("security.allow_plaintext", "true")], everywhere).await.unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], running.licensing_addr().port()));
    let client = connect(address, None).await;
    assert!(is_served(&client, SAMPLE[0]).await, "programs are served");
    for path in &SAMPLE[1..] {
        let error = ask(&client, path).await;
        assert_eq!(reason(error.as_ref()).as_deref(), Some("UNAUTHENTICATED"), "{path}");
    }
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_file_finds_the_server_among_several_addresses() {
    let site = Site::serve(&[]).await;
    let gone = std::net::TcpListener::bind(loopback()).unwrap().local_addr().unwrap();
    let addresses = [gone.into(), site.address().into()];
    let file = ConnectionFile::new(&addresses, Some(site.authority.certificate().to_owned()));
    let path = site.path("connection.json");
    std::fs::write(&path, file.to_json()).unwrap();
    let connection = leasehold_client::Connection { server: Some(path.into()), ..Default::default() };
    let mut options = connection.options().unwrap();
    options.hostids = vec!["D1".parse().unwrap()];
    let client = Client::connect(options).await.unwrap();
    assert!(is_served(&client, SAMPLE[0]).await);
    site.stop().await;
}

#[tokio::test]
async fn a_key_of_another_certificate_keeps_the_server_from_starting() {
    let site = Site::new();
    let other = site.authority.service("licensing", &hosts([]), today()).unwrap();
    std::fs::write(site.path("licensing-key.pem"), other.key).unwrap();
    let paths = [site.path("licensing.pem"), site.path("licensing-key.pem")];
    let [certificate, key] = paths.each_ref().map(|path| path.to_str().unwrap());
    let settings = [("tls.certificate", certificate), ("tls.key", key)];
    let Err(error) = start(&settings, loopback()).await else { panic!("these are no pair") };
    assert!(error.to_string().contains("does not belong to the certificate"), "{error}");
}
