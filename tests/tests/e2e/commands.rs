//! A vendor and its customer from an empty folder, with commands and nothing else: the first synchronisation, online
//! and by file, and everything that a server must not take.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use leasehold_testkit::{Process, free_port};
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::leasehold;

const PATIENCE: Duration = Duration::from_mins(1);
const CUSTOMER: &str = "Miller Engineering";

/// A vendor with its back office in one folder, and customers' servers in others.
pub(crate) struct Place {
    folder: TempDir,
    vendor_port: u16,
    vendor: Option<Process>,
    /// What servers are set to: variables of the environment.
    pub(crate) settings: Vec<(&'static str, &'static str)>,
}

/// A licence server with its data in a folder of its own.
pub(crate) struct Site<'a> {
    place: &'a Place,
    name: &'static str,
    pub(crate) port: u16,
    sync_port: u16,
    process: Process,
}

impl Place {
    /// A vendor who has a customer. `address`: whether servers can reach it over the network.
    pub(crate) async fn with_vendor(address: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut place =
            Self { folder, vendor_port: free_port().unwrap(), vendor: None, settings: Vec::new() };
        let url = format!("http://127.0.0.1:{}", place.vendor_port);
        let mut words =
            vec!["vendor", "init", "--dir", "vendor", "--vendor-id", "example", "--name", "Example"];
        if address {
            words.extend(["--address", &url]);
        }
        said(place.run(".", &words)).unwrap();
        place.serve_vendor().await;
        place.vendor(&["product", "create", "Studio"]);
        place.vendor(&["customer", "create", CUSTOMER]);
        place
    }

    async fn serve_vendor(&mut self) {
        let listen = format!("127.0.0.1:{}", self.vendor_port);
        let process = self.start(".", &["vendor", "serve", "--dir", "vendor", "--listen", &listen]).await;
        self.vendor = Some(process);
    }

    /// Adds a licence server with some counts of a feature, and gives its id. The enrolment is in `NAME.json`.
    pub(crate) fn sell(&self, name: &str, count: i64) -> String {
        let file = format!("{name}.json");
        self.vendor(&["server", "create", name, "--customer", CUSTOMER, "--out", &file]);
        let enrolment: Value = serde_json::from_slice(&fs::read(self.path(&file)).unwrap()).unwrap();
        let id = enrolment["license_server_id"].as_str().unwrap().to_owned();
        let count = count.to_string();
        let words = ["entitlement", "create", "--server-id", &id, "--product", "Studio", "--feature", "cad"];
        self.vendor(&[&words[..], &["--version", "2.0", "--count", &count]].concat());
        id
    }

    /// A licence server that runs and has no vendor.
    pub(crate) async fn site(&self, name: &'static str) -> Site<'_> {
        fs::create_dir(self.path(name)).unwrap();
        said(self.run(name, &["init"])).unwrap();
        let (port, sync_port) = (free_port().unwrap(), free_port().unwrap());
        let [listen, sync] = [port, sync_port].map(|port| format!("127.0.0.1:{port}"));
        let process = self.start(name, &["serve", "--listen", &listen, "--sync-listen", &sync]).await;
        Site { place: self, name, port, sync_port, process }
    }

    fn vendor(&self, words: &[&str]) -> String {
        let server = format!("127.0.0.1:{}", self.vendor_port);
        said(self.run(".", &[&["vendor"], words, &["--server", &server]].concat())).unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    async fn start(&self, folder: &str, words: &[&str]) -> Process {
        let mut process = Process::spawn(self.command(folder, words)).unwrap();
        process.wait_for_line("\"message\":\"ready\"", PATIENCE).await.unwrap();
        let start = Instant::now();
        while !process.stderr().contains(" is ready") {
            assert!(start.elapsed() < PATIENCE, "{}", process.stderr());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        process
    }

    fn run(&self, folder: &str, words: &[&str]) -> Output {
        self.command(folder, words).output().unwrap()
    }

    fn command(&self, folder: &str, words: &[&str]) -> Command {
        let mut command = Command::new(leasehold());
        // What the machine has set must not change what is tested.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEASEHOLD_"))
        {
            command.env_remove(name);
        }
        // One port cannot be everybody's.
        command
            .env("LEASEHOLD__ADMIN__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__GATEWAY__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__UPDATES__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__UPDATES__HTTP_LISTEN", "127.0.0.1:0");
        command.envs(self.settings.iter().copied()).args(words).current_dir(self.path(folder));
        command
    }
}

impl Site<'_> {
    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.stderr()
    }

    /// A command to the synchronisation of this server.
    pub(crate) fn sync(&self, words: &[&str]) -> Result<String, String> {
        let server = format!("127.0.0.1:{}", self.sync_port);
        said(self.place.run(self.name, &[&["sync"], words, &["--server", &server]].concat()))
    }

    /// A program that runs under a licence.
    fn uses(&self, feature: &str) -> Result<String, String> {
        let server = format!("127.0.0.1:{}", self.port);
        said(self.place.run(self.name, &["run", feature, "--server", &server, "--", "echo", "works"]))
    }

    /// All that an administrator can see of what the vendor has granted and of how the server stands with it.
    fn standing(&self) -> [Value; 3] {
        let (server, sync) = (format!("127.0.0.1:{}", self.port), format!("127.0.0.1:{}", self.sync_port));
        let ask = |words: &[&str], server: &str| -> Value {
            let words = [words, &["-o", "json", "--server", server]].concat();
            serde_json::from_str(&said(self.place.run(self.name, &words)).unwrap()).unwrap()
        };
        let mut instance = ask(&["instance", "show"], &server);
        instance["instances"][0]["server_time"].take();
        [instance, ask(&["feature", "list"], &server), ask(&["sync", "identity"], &sync)]
    }

    /// Fails unless the file is refused for this reason, and nothing changes by it.
    #[track_caller]
    fn refuses(&self, file: &str, code: i32, part: &str) {
        let before = self.standing();
        let server = format!("127.0.0.1:{}", self.sync_port);
        let output = self.place.run(self.name, &["sync", "import", file, "--server", &server]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(part), "{part:?} is not in {told}");
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert_eq!(self.standing(), before, "nothing changes by {file}");
    }
}

fn said(output: Output) -> Result<String, String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn change(path: &Path, to: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(to, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_gets_its_rights_online_and_serves() {
    let place = Place::with_vendor(true).await;
    place.sell("plant", 3);
    let site = place.site("plant").await;
    let refused = site.uses("cad").unwrap_err();
    assert!(refused.contains("has never been synchronised"), "{refused}");
    let told = site.sync(&["now"]).unwrap_err();
    assert!(told.contains("leasehold sync enrol"), "{told}");

    site.sync(&["enrol", "--file", "../plant.json"]).unwrap();
    let told = site.sync(&["now"]).unwrap();
    assert!(told.contains("added: cad 2.0, 3 counts"), "{told}");
    // At once, though its key for answers has only just been asked for.
    assert_eq!(site.uses("cad").unwrap(), "works\n");
    let [instance, features, identity] = site.standing();
    assert_eq!(instance["instances"][0]["status"], "RUNNING");
    assert_eq!(features["features"][0]["total"], 3);
    assert_eq!(identity["status"], "SYNCHRONIZED", "{identity}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_gets_its_rights_by_file_with_the_network_cut() {
    for armored in [false, true] {
        // Servers are told no address, and the back office is not even up while they ask.
        let mut place = Place::with_vendor(false).await;
        place.sell("plant", 3);
        drop(place.vendor.take());
        {
            let site = place.site("plant").await;
            site.sync(&["enrol", "--file", "../plant.json"]).unwrap();
            let told = site.sync(&["now"]).unwrap_err();
            assert!(told.contains("sync export"), "{told}");
            let flag: &[&str] = if armored { &["--armored"] } else { &[] };
            site.sync(&[&["export", "../request"], flag].concat()).unwrap();
        }
        place.serve_vendor().await;
        let flag: &[&str] = if armored { &["--armored"] } else { &[] };
        place.vendor(&[&["process", "request", "--out", "response"], flag].concat());
        drop(place.vendor.take());

        let site = place.again("plant").await;
        if armored {
            // As it comes out of a mail that was answered.
            let quoted = |bytes: &mut Vec<u8>| {
                let text = String::from_utf8(bytes.clone()).unwrap();
                *bytes = format!("Dear customer,\r\n\r\n> {}\r\n", text.replace('\n', "\r\n> ")).into_bytes();
            };
            change(&place.path("response"), &place.path("response"), quoted);
        }
        let told = site.sync(&["import", "../response"]).unwrap();
        assert!(told.contains("added: cad 2.0, 3 counts"), "{told}");
        assert_eq!(site.uses("cad").unwrap(), "works\n");
    }
}

impl Place {
    /// A licence server that ran before, on the data that it left.
    async fn again(&self, name: &'static str) -> Site<'_> {
        let (port, sync_port) = (free_port().unwrap(), free_port().unwrap());
        let [listen, sync] = [port, sync_port].map(|port| format!("127.0.0.1:{port}"));
        let process = self.start(name, &["serve", "--listen", &listen, "--sync-listen", &sync]).await;
        Site { place: self, name, port, sync_port, process }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_with_the_same_id_is_refused_until_the_vendor_clears_the_key() {
    let place = Place::with_vendor(true).await;
    let id = place.sell("plant", 3);
    let (first, second) = (place.site("plant").await, place.site("copy").await);
    for site in [&first, &second] {
        site.sync(&["enrol", "--file", "../plant.json"]).unwrap();
    }
    first.sync(&["now"]).unwrap();
    let before = second.standing();
    let refused = second.sync(&["now"]).unwrap_err();
    let own = before[2]["fingerprint"].as_str().unwrap();
    for part in ["belongs to the keys of the server", "the vendor has to clear them", &id, own] {
        assert!(refused.contains(part), "{part:?} is not in {refused}");
    }
    assert_eq!(second.standing(), before, "nothing changes by it");
    assert!(second.uses("cad").is_err());

    let audit = place.vendor(&["audit"]);
    assert!(audit.contains("KEY_ALREADY_BOUND"), "{audit}");
    place.vendor(&["server", "clear-keys", &id, "--reason", "the machine was replaced"]);
    second.sync(&["now"]).unwrap();
    assert_eq!(second.uses("cad").unwrap(), "works\n");
    let refused = first.sync(&["now"]).unwrap_err();
    assert!(refused.contains("belongs to the keys of the server"), "{refused}");
    assert!(place.vendor(&["audit"]).contains("the machine was replaced"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_must_not_be_taken_are_refused_with_their_reason_and_change_nothing() {
    let place = Place::with_vendor(true).await;
    place.sell("plant", 3);
    place.sell("other", 5);
    let (site, other) = (place.site("plant").await, place.site("other").await);
    site.sync(&["enrol", "--file", "../plant.json"]).unwrap();
    other.sync(&["enrol", "--file", "../other.json"]).unwrap();
    for (site, name) in [(&site, "first"), (&site, "second"), (&other, "foreign")] {
        site.sync(&["export", &format!("../{name}.request")]).unwrap();
        let (request, response) = (format!("{name}.request"), format!("{name}.response"));
        place.vendor(&["process", &request, "--out", &response]);
    }
    let flip = |at: usize| {
        let name = format!("flipped-{at}");
        change(&place.path("second.response"), &place.path(&name), |bytes| bytes[at] ^= 1);
        format!("../{name}")
    };
    let length = fs::read(place.path("second.response")).unwrap().len();
    for at in (0..length).step_by(length / 20) {
        site.refuses(&flip(at), 1, "the response cannot be read");
    }
    change(&place.path("second.response"), &place.path("cut"), |bytes| bytes.truncate(length / 2));
    site.refuses("../cut", 1, "the response cannot be read");
    site.refuses("../foreign.response", 1, "for somebody else");
    site.refuses("../second.request", 1, "for somebody else");

    site.sync(&["import", "../second.response"]).unwrap();
    assert_eq!(site.uses("cad").unwrap(), "works\n");
    site.refuses("../second.response", 6, "was answered before");
    site.refuses("../first.response", 6, "is in force");
    assert_eq!(site.uses("cad").unwrap(), "works\n");
}
