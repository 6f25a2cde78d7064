//! A server in memory with its gateway, and those who come to it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use leasehold::app::{AppOptions, Chosen, Running, start};
use leasehold::config::{Config, Sources};
use leasehold::estate_file::EstateFile;
use leasehold::vendor::{Site as Supplied, Vendor};
use leasehold::{Clock, SystemClock};
use leasehold_client::{Checkout, Client, Guard, Options};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::repository::Repository;

pub(crate) const PASSWORD: &str = "correct horse battery";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server, and the codes that it has told.
pub(crate) struct Site {
    running: Running,
    told: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::at(Arc::new(SystemClock::new())).await
    }

    /// One that goes by this clock.
    pub(crate) async fn at(clock: Arc<dyn Clock>) -> Self {
        Self::with(clock, &[], Chosen::ALL).await
    }

    /// One that mirrors this repository of a vendor, when it is told to.
    pub(crate) async fn mirroring(repository: &Repository) -> Self {
        Self::with(Arc::new(SystemClock::new()), &repository.settings(), Chosen::ALL).await
    }

    /// One where nobody serves updates.
    pub(crate) async fn without_updates() -> Self {
        Self::with(Arc::new(SystemClock::new()), &[], Chosen { updates: false, ..Chosen::ALL }).await
    }

    /// One with these settings besides, and these services.
    async fn with(clock: Arc<dyn Clock>, settings: &[(&str, String)], services: Chosen) -> Self {
        let mut flags = vec![("licensing.allow_device_drop".to_owned(), "true".to_owned())];
        flags.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let config = Config::load(&Sources { flags, ..Sources::default() }).unwrap();
        let mut options = AppOptions::in_memory(config, clock);
        options.services = services;
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        options.announce = Arc::new(move |first| heard.lock().unwrap().push(first.code.clone()));
        Self { running: start(options).await.unwrap(), told }
    }

    /// One whose administrator `kim` is signed in.
    pub(crate) async fn with_administrator() -> (Self, Visitor) {
        let site = Self::start().await;
        let kim = site.first_administrator().await;
        (site, kim)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.gateway_addr()
    }

    /// Where licensing and synchronisation are.
    pub(crate) fn services(&self) -> [SocketAddr; 2] {
        [self.running.licensing_addr(), self.running.sync_addr()]
    }

    /// Where updates are.
    pub(crate) fn updates(&self) -> SocketAddr {
        self.running.updates_addr()
    }

    /// The codes that were told, oldest first.
    pub(crate) fn codes(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    /// Makes the first administrator.
    pub(crate) async fn first_administrator(&self) -> Visitor {
        let first = json!({"code": self.codes()[0], "name": "kim", "password": PASSWORD});
        let answer = self.stranger().post("/api/v1/first-administrator", first).await;
        answer.is(201);
        Visitor::of_session(self.address(), &answer)
    }

    /// A program that shows nothing.
    pub(crate) fn stranger(&self) -> Visitor {
        Visitor { address: self.address(), headers: Vec::new() }
    }

    /// A program with a token.
    pub(crate) fn program(&self, token: &str) -> Visitor {
        self.stranger().with("authorization", &format!("Bearer {token}"))
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.stranger().post("/api/v1/session", json!({"name": name, "password": password})).await
    }

    /// Adds an administrator with these roles, and signs it in.
    pub(crate) async fn colleague(&self, admin: &Visitor, name: &str, roles: &[&str]) -> Visitor {
        let user = json!({"name": name, "password": PASSWORD, "roles": roles});
        admin.post("/api/v1/users", user).await.is(201);
        let answer = self.sign_in(name, PASSWORD).await;
        answer.is(201);
        Visitor::of_session(self.address(), &answer)
    }

    /// Lets a vendor give it five of `render` and one of `scan`.
    pub(crate) async fn supply(&self) {
        let items = json!([
            {"id": "L1", "feature": "render", "count": 5},
            {"id": "L2", "feature": "scan", "count": 1}
        ]);
        let mut vendor = Vendor::open(Arc::new(SystemClock::new())).await.unwrap();
        let [licensing, sync] = self.services();
        let estate = EstateFile::from_scenario(&json!({"line_items": items})).unwrap();
        vendor.supply(&Supplied::at(licensing, sync), &estate).await.unwrap();
    }

    /// A device that holds one of each.
    pub(crate) async fn device(&self, name: &str, features: &[&str]) -> Vec<Guard> {
        let mut options = Options::new(self.services()[0].into());
        options.hostids.push(name.parse().unwrap());
        options.call_timeout = Duration::from_secs(5);
        let client = Client::connect(options).await.unwrap();
        let mut held = Vec::new();
        for feature in features {
            held.push(client.checkout(Checkout::new(*feature)).await.unwrap());
        }
        held
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.unwrap();
    }
}

/// Somebody who asks, with what it sends every time.
#[derive(Clone)]
pub(crate) struct Visitor {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

impl Visitor {
    /// A page of the session that this answer has opened.
    pub(crate) fn of_session(address: SocketAddr, opened: &Answer) -> Self {
        let cookie = opened.header("set-cookie").split(';').next().unwrap();
        let form_token = opened.json()["form_token"].as_str().unwrap().to_owned();
        let bare = Self { address, headers: Vec::new() };
        bare.with("cookie", cookie).with("x-form-token", &form_token).with("sec-fetch-site", "same-origin")
    }

    /// The same with this header, in place of what it had.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.without(name);
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// The same without this header.
    pub(crate) fn without(&self, name: &str) -> Self {
        let headers = self.headers.iter().filter(|(found, _)| found != name).cloned().collect();
        Self { address: self.address, headers }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, Some(body)).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| ("application/json", body.to_string()));
        Answer::of(self.begin(method, path, body).await).await
    }

    /// Sends a form, as a page does.
    pub(crate) async fn form(&self, path: &str, fields: &str) -> Answer {
        let body = ("application/x-www-form-urlencoded", fields.to_owned());
        Answer::of(self.begin("POST", path, Some(body)).await).await
    }

    /// The answer before its body has come.
    pub(crate) async fn begin(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Response<Incoming> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        let host = format!("{}", self.address);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            request = request.header("host", host);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some((kind, _)) = &body {
            request = request.header("content-type", *kind);
        }
        let body = Full::new(Bytes::from(body.map(|(_, text)| text).unwrap_or_default()));
        let answer = sender.send_request(request.body(body).unwrap());
        tokio::time::timeout(PATIENCE, answer).await.expect("it answers").unwrap()
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    async fn of(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await.expect("it ends").unwrap().to_bytes();
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// It has this status.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// It is a whole problem document of this status and reason, which is returned.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, reason: &str) -> Value {
        self.is(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["reason"], reason, "{problem}");
        assert_eq!(problem["type"], format!("/problems/{reason}"));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{problem}");
        for text in ["title", "detail", "request_id"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{text} in {problem}");
        }
        problem
    }

    /// The rows of a list.
    #[track_caller]
    pub(crate) fn items(&self) -> Vec<Value> {
        self.is(200).json()["items"].as_array().unwrap().clone()
    }
}
