//! Asks an admin listener how its process is.
//!
//! Responsible for one question and its answer in a line. Not responsible for where the listener is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The largest answer that is read: a report has a few lines.
const MAX_ANSWER: usize = 64 * 1_024;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether the process lives.
    Live,
    /// Whether it is ready for calls.
    Ready,
}

/// How a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All is well; the line says in which state it is.
    Well(String),
    /// It is ready, and something that it would like is away.
    Degraded(String),
    /// It is not ready; the line says why.
    NotReady(String),
    /// Nobody takes connections there.
    Nobody(String),
    /// What answers is no admin listener of ours, or it does not answer in time.
    Strange(String),
}

/// Where to ask on this machine for a listener at this address: one on every address is on the loopback one as well.
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}

/// Asks the admin listener at this address, and waits so long for the answer.
pub async fn ask(address: SocketAddr, question: Question, patience: Duration) -> Condition {
    let page = match question {
        Question::Live => "/live",
        Question::Ready => "/ready",
    };
    let late = || format!("no answer from http://{address}{page} within {} s", patience.as_secs());
    let connected = timeout(patience, TcpStream::connect(address)).await;
    let stream = match connected {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            let line = format!("no answer from http://{address}{page}: {error}; is the server running?");
            return Condition::Nobody(line);
        }
        Err(_) => return Condition::Nobody(late()),
    };
    match timeout(patience, get(stream, address, page)).await {
        Ok(Ok((status, body))) => judge(question, status, &body),
        Ok(Err(error)) => {
            Condition::Strange(format!("no answer from http://{address}{page}: {error}; is it Leasehold's?"))
        }
        Err(_) => Condition::Strange(late()),
    }
}

/// Status and body of a page.
async fn get(stream: TcpStream, address: SocketAddr, page: &str) -> Result<(StatusCode, Bytes), String> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    // It ends with the answer; what goes wrong in it, the answer says.
    let connection = tokio::spawn(connection);
    let request = Request::get(page).header(HOST, address.to_string()).body(Empty::<Bytes>::new());
    let request = request.expect("the page and the address are good");
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let body =
        Limited::new(answer.into_body(), MAX_ANSWER).collect().await.map_err(|error| error.to_string())?;
    connection.abort();
    Ok((status, body.to_bytes()))
}

/// What `/ready` answers.
#[derive(Debug, Deserialize)]
struct Report {
    state: String,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    ok: bool,
    #[serde(default)]
    reason: Option<String>,
}

fn judge(question: Question, status: StatusCode, body: &[u8]) -> Condition {
    if question == Question::Live && status == StatusCode::OK {
        return Condition::Well("live".to_owned());
    }
    let Ok(report) = serde_json::from_slice::<Report>(body) else {
        let line = format!("what answers with {status} is no admin listener of Leasehold; check the address");
        return Condition::Strange(line);
    };
    let away: Vec<String> =
        report.dependencies.iter().filter(|dependency| !dependency.ok).map(told).collect();
    let mut line = report.state;
    if !away.is_empty() {
        line = format!("{line}: {}", away.join("; "));
    }
    match status {
        StatusCode::OK if away.is_empty() => Condition::Well(line),
        StatusCode::OK => Condition::Degraded(line),
        _ => Condition::NotReady(line),
    }
}

fn told(dependency: &Dependency) -> String {
    match &dependency.reason {
        Some(reason) => format!("{} ({reason})", dependency.name),
        None => dependency.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_a_line() {
        let postgres =
            br#"{"dependencies":[{"name":"postgres","need":"required","ok":false,"reason":"no answer"}],
            "ready":false,"state":"not_ready"}"#;
        let redis = br#"{"dependencies":[{"name":"postgres","ok":true},{"name":"redis","ok":false}],"state":"degraded"}"#;
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        let ready = |status, body: &[u8]| judge(Question::Ready, status, body);
        assert_eq!(
            ready(unavailable, postgres),
            Condition::NotReady("not_ready: postgres (no answer)".to_owned())
        );
        assert_eq!(ready(StatusCode::OK, redis), Condition::Degraded("degraded: redis".to_owned()));
        assert_eq!(ready(StatusCode::OK, br#"{"state":"ready"}"#), Condition::Well("ready".to_owned()));
        let live = |status, body: &[u8]| judge(Question::Live, status, body);
        assert_eq!(live(StatusCode::OK, br#"{"live":true}"#), Condition::Well("live".to_owned()));
        assert!(
            matches!(ready(StatusCode::OK, b"<html>"), Condition::Strange(told) if told.contains("no admin listener"))
        );
        assert!(matches!(live(StatusCode::NOT_FOUND, b""), Condition::Strange(_)));
    }

    #[test]
    fn a_listener_on_every_address_is_asked_over_the_loopback_one() {
        for (listens, asked) in
            [("0.0.0.0:9", "127.0.0.1:9"), ("[::]:9", "[::1]:9"), ("10.0.0.1:9", "10.0.0.1:9")]
        {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
