//! What is served over HTTP.

use std::collections::HashMap;

use leasehold_artifacts::{Digest, Kind, Release};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::peers::NAME;
use crate::repository::definition;
use crate::world::{Process, World};

struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

async fn ask(process: &Process, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(process.web).await.unwrap();
    let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let pairs = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Answer { status, headers, body: answer[end + 4..].to_vec() }
}

/// The status of an answer to GET.
pub(crate) async fn status(process: &Process, path: &str) -> u16 {
    get(process, path).await.status
}

async fn get(process: &Process, path: &str) -> Answer {
    ask(process, "GET", path, &[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mirror_is_the_vendors_repository() {
    let world = World::new().await;
    let path = world.vendor.release(definition("cad", "2.0"), b"the second", world.now());
    let process = world.start().await;
    assert_eq!(get(&process, &format!("/tuf/{NAME}/metadata/timestamp.json")).await.status, 404);
    process.sync().await.unwrap();
    let published = world.vendor.publisher.lock().unwrap().repository().join("metadata");
    for file in std::fs::read_dir(published).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let answer = get(&process, &format!("/tuf/{NAME}/metadata/{name}")).await;
        let in_force = name == "timestamp.json" || name == "1.root.json" || answer.status == 200;
        if in_force {
            assert_eq!(answer.body, std::fs::read(&file).unwrap(), "{name}");
            let caching = if name == "timestamp.json" { "no-cache" } else { "immutable" };
            assert!(answer.headers["cache-control"].contains(caching), "{name}");
        }
    }
    let hash = Digest::of(b"the second");
    let hashed = path.replace("rules.db", &format!("{hash}.rules.db"));
    for form in [path.clone(), hashed, format!("{hash}.{path}")] {
        let answer = get(&process, &format!("/tuf/{NAME}/targets/{form}")).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"the second"[..]), "{form}");
    }
    for absent in [
        format!("/tuf/{NAME}/targets/cad/1.0/rules.db"),
        format!("/tuf/{NAME}/metadata/..%2f..%2fname"),
        "/tuf/nobody/metadata/timestamp.json".to_owned(),
        format!("/blobs/sha256/{}", Digest::of(b"x")),
        "/blobs/sha256/..".to_owned(),
        "/definitions/cad/other.db".to_owned(),
        "/definitions/nothing/rules.db".to_owned(),
    ] {
        let answer = get(&process, &absent).await;
        assert_eq!(answer.status, 404, "{absent}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{absent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn problems_lead_to_no_page_that_is_not_there() {
    let world = World::new().await;
    let process = world.start().await;
    for absent in ["/nothing", "/definitions/cad/rules.db"] {
        let problem = problem(&get(&process, absent).await);
        assert_eq!((&problem["type"], &problem["title"]), (&json!("about:blank"), &json!("Not Found")));
        assert!(!problem["detail"].as_str().unwrap().contains("/api/docs"), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_can_be_looked_at() {
    let world = World::new().await;
    let mut process = world.start().await;
    let front = text(get(&process, "/").await);
    assert!(front.contains("/definitions/PRODUCT/FILE"), "{front}");
    assert!(text(get(&process, "/definitions/").await).contains("no definition files"));
    for (product, version, content) in [("cad", "1.0", "one"), ("cad", "2.0", "three"), ("kit", "1.0", "x")] {
        world.vendor.release(definition(product, version), content.as_bytes(), world.now());
    }
    world.vendor.release(Release::new("tool", "1.0", Kind::Software), b"program", world.now());
    process.sync().await.unwrap();
    process.stop().await;
    process = world.start().await;
    let listed = text(get(&process, "/definitions/").await);
    let lines: Vec<_> = listed.lines().skip(2).collect();
    assert_eq!(
        lines,
        ["/definitions/cad/rules.db   2.0   5", "/definitions/kit/rules.db   1.0   1"],
        "{listed}"
    );
    assert_eq!(get(&process, "/definitions/kit/rules.db").await.body, b"x");
}

fn text(answer: Answer) -> String {
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "text/plain; charset=utf-8"));
    String::from_utf8(answer.body).unwrap()
}

fn problem(answer: &Answer) -> Value {
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_read_in_parts_and_once() {
    let world = World::new().await;
    world.vendor.release(definition("cad", "2.0"), b"0123456789", world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    let blob = format!("/blobs/sha256/{}", Digest::of(b"0123456789"));
    let whole = get(&process, &blob).await;
    let tag = whole.headers["etag"].clone();
    assert_eq!((whole.status, whole.body.as_slice()), (200, &b"0123456789"[..]));
    assert!(
        whole.headers["cache-control"].contains("immutable") && whole.headers["accept-ranges"] == "bytes"
    );
    let part = ask(&process, "GET", &blob, &[("Range", "bytes=3-5"), ("If-Range", &tag)]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &b"345"[..]));
    assert_eq!(part.headers["content-range"], "bytes 3-5/10");
    let other = ask(&process, "GET", &blob, &[("Range", "bytes=3-5"), ("If-Range", "\"x\"")]).await;
    assert_eq!((other.status, other.body.len()), (200, 10));
    let outside = ask(&process, "GET", &blob, &[("Range", "bytes=10-")]).await;
    assert_eq!((outside.status, outside.headers["content-range"].as_str()), (416, "bytes */10"));
    assert_eq!(outside.headers["etag"], tag);
    let problem = problem(&outside);
    assert_eq!(problem["reason"], "RANGE_NOT_SATISFIABLE");
    assert!(problem["detail"].as_str().unwrap().contains("10 bytes"), "{problem}");
    let known = ask(&process, "GET", &blob, &[("If-None-Match", &tag)]).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    let head = ask(&process, "HEAD", &blob, &[]).await;
    assert_eq!((head.status, head.headers["content-length"].as_str(), head.body.len()), (200, "10", 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_definition_file_stands_under_one_name() {
    let world = World::new().await;
    world.vendor.release(definition("cad", "1.0"), b"one", world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    let first = get(&process, "/definitions/cad/rules.db").await;
    let (time, tag) = (first.headers["last-modified"].clone(), first.headers["etag"].clone());
    assert_eq!(
        (first.status, first.body.as_slice(), time.as_str()),
        (200, &b"one"[..], "Fri, 15 Jan 2027 08:00:00 GMT")
    );
    let again = ask(&process, "GET", "/definitions/cad/rules.db", &[("If-Modified-Since", &time)]).await;
    assert_eq!(again.status, 304);
    world.clock.advance(std::time::Duration::from_hours(1));
    world.vendor.release(definition("cad", "2.0"), b"second", world.now());
    process.sync().await.unwrap();
    let newer = [("If-Modified-Since", time.as_str()), ("Range", "bytes=0-1"), ("If-Range", &tag)];
    let second = ask(&process, "GET", "/definitions/cad/rules.db", &newer).await;
    assert_eq!((second.status, second.body.as_slice()), (200, &b"second"[..]), "it is another file by now");
    let other_channel = get(&process, "/definitions/cad/rules.db?channel=beta").await;
    assert_eq!(other_channel.status, 404);
}
