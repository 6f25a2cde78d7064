//! A vendor's update repository behind a web server, and devices that follow what it publishes.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use leasehold::{Clock as _, SystemClock};
use leasehold_artifacts::{Kind, Publisher, Release};
use leasehold_proto::convert::hostid::read_hostid_text;
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::update_client_service_client::UpdateClientServiceClient;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tonic::transport::Endpoint;
use uuid::Uuid;

use crate::support::Site;

/// A vendor's repository. Its web server ends with the process.
pub(crate) struct Repository {
    folder: TempDir,
    address: String,
}

impl Repository {
    /// One with a definition file of `Studio`, version 1.0, and one of `Scanner`, both for whoever holds `render`.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemClock::new().now();
        let mut publisher = Publisher::create(&folder.path().join("updates"), "", now, &mut rng()).unwrap();
        for product in ["Scanner", "Studio"] {
            let file = folder.path().join("rules.db");
            fs::write(&file, format!("rules of {product}\n")).unwrap();
            let release = Release {
                features: vec!["render".to_owned()],
                notes: Some("=Better".to_owned()),
                ..Release::new(product, "1.0", Kind::Definition)
            };
            publisher.add(&file, release, now).unwrap();
        }
        publisher.publish(now, &mut rng()).unwrap();
        fs::copy(publisher.root().unwrap(), folder.path().join("root.json")).unwrap();
        let address = serve(publisher.repository());
        Self { folder, address }
    }

    /// Where it is.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Lets nobody have anything any more.
    pub(crate) fn vanish(&self) {
        fs::remove_dir_all(self.folder.path().join("updates/repository")).unwrap();
    }

    /// A server's settings by which it mirrors this when it is told to.
    pub(crate) fn settings(&self) -> [(&'static str, String); 3] {
        let root = self.folder.path().join("root.json");
        [
            ("updates.upstream", self.address.clone()),
            ("updates.upstream_root", root.display().to_string()),
            ("updates.interval", "off".to_owned()),
        ]
    }
}

/// A device that checks in for `Studio`, of which it has nothing, and reports that it took it and failed.
pub(crate) async fn follower(site: &Site, hostid: &str) -> Uuid {
    let endpoint = Endpoint::from_shared(format!("http://{}", site.updates())).unwrap();
    let mut updates = UpdateClientServiceClient::new(endpoint.connect().await.unwrap());
    let id = Uuid::from_u128(hostid.bytes().fold(0xc11e, |id, byte| (id << 8) | u128::from(byte)));
    let checked_in = updates.check_in(pb::CheckInRequest {
        client_id: id.to_string(),
        hostid: Some(read_hostid_text(hostid).unwrap()),
        alias: "workbench".to_owned(),
        products: vec![pb::InstalledProduct { product: "Studio".to_owned(), ..Default::default() }],
        client_version: "1.2".to_owned(),
        nonce: vec![9; 16],
        ..Default::default()
    });
    let ticket = checked_in.await.unwrap().into_inner().ticket;
    let states = [pb::UpdateState::Accepted, pb::UpdateState::Failed];
    let event = |(sequence, state): (u64, pb::UpdateState)| pb::UpdateEvent {
        sequence,
        at: Some(leasehold_proto::convert::time::timestamp(SystemClock::new().now())),
        product: "Studio".to_owned(),
        version: "1.0".to_owned(),
        state: state.into(),
        message: format!("step {sequence}"),
        ..Default::default()
    };
    let events = (1..).zip(states).map(event).collect();
    let report = pb::ReportEventsRequest { ticket, events, ..Default::default() };
    updates.report_events(report).await.unwrap();
    id
}

fn serve(root: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, root) = (stream.unwrap(), root.clone());
            // One that went away is not our failure.
            std::thread::spawn(move || answer(&stream, &root));
        }
    });
    address
}

fn answer(mut stream: &TcpStream, root: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let Some(request) = lines.next().transpose()? else { return Ok(()) };
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap().trim_start_matches('/');
    let (status, content) = match fs::read(root.join(path)) {
        Ok(content) => ("200 OK", content),
        Err(_) if root.exists() => ("404 Not Found", Vec::new()),
        Err(_) => ("503 Service Unavailable", Vec::new()),
    };
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", content.len())?;
    stream.write_all(&content)
}

fn rng() -> StdRng {
    rand::make_rng()
}
