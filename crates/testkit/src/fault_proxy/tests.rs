//! Each fault, and the end of it, before a server that echoes.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::Postgres;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);

/// A proxy before a server that sends everything back.
async fn echo() -> FaultProxy {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    FaultProxy::start(port).await.unwrap()
}

async fn connect(proxy: &FaultProxy) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap()
}

async fn says(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// The next bytes, as many as `text` has, are these.
async fn hears(stream: &mut TcpStream, text: &str) {
    let mut heard = vec![0; text.len()];
    timeout(LONG, stream.read_exact(&mut heard)).await.expect("an answer").unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), text);
}

async fn hears_nothing(stream: &mut TcpStream) {
    assert!(timeout(SHORT, stream.read_u8()).await.is_err(), "nothing comes");
}

#[tokio::test]
async fn everything_passes_until_a_fault_is_set() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    let long = "long ".repeat(100_000);
    says(&mut stream, "hello").await;
    hears(&mut stream, "hello").await;
    let (mut from, mut to) = stream.split();
    let mut back = String::new();
    let read = async { from.read_to_string(&mut back).await };
    let write = async {
        to.write_all(long.as_bytes()).await?;
        to.shutdown().await
    };
    tokio::try_join!(read, write).unwrap();
    assert_eq!(back, long, "and an end passes, too");
}

#[tokio::test]
async fn a_cut_ends_all_connections_and_no_later_ones() {
    let proxy = echo().await;
    let mut old = connect(&proxy).await;
    says(&mut old, "a").await;
    hears(&mut old, "a").await;
    proxy.hold(Direction::ToClient);
    proxy.cut();
    let ended = timeout(LONG, old.read_u8()).await.expect("it ends, held or not");
    assert!(ended.is_err());
    proxy.heal().await;
    let mut new = connect(&proxy).await;
    says(&mut new, "b").await;
    hears(&mut new, "b").await;
}

#[tokio::test]
async fn new_connections_are_refused_and_old_ones_live_on() {
    let proxy = echo().await;
    let mut old = connect(&proxy).await;
    says(&mut old, "a").await;
    hears(&mut old, "a").await;
    proxy.refuse().await;
    let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    says(&mut old, "b").await;
    hears(&mut old, "b").await;
    proxy.heal().await;
    says(&mut connect(&proxy).await, "c").await;
}

#[tokio::test]
async fn what_is_held_back_comes_in_order_after_healing() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let proxy = echo().await;
        let mut stream = connect(&proxy).await;
        says(&mut stream, "a").await;
        hears(&mut stream, "a").await;
        proxy.hold(direction);
        says(&mut stream, "one ").await;
        hears_nothing(&mut stream).await;
        says(&mut stream, "two").await;
        proxy.heal().await;
        hears(&mut stream, "one two").await;
    }
}

#[tokio::test]
async fn a_delay_makes_pieces_late_and_loses_none() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    proxy.delay(Direction::ToClient, SHORT * 3);
    says(&mut stream, "late").await;
    hears_nothing(&mut stream).await;
    hears(&mut stream, "late").await;
}

#[tokio::test]
async fn one_answer_is_caught_and_let_go() {
    let proxy = echo().await;
    let mut caught = proxy.catch(Direction::ToClient, containing("COMMIT"));
    let (mut one, mut other) = (connect(&proxy).await, connect(&proxy).await);
    says(&mut one, "BEGIN").await;
    hears(&mut one, "BEGIN").await;
    assert!(caught.wait(SHORT).await.is_err(), "nothing fits yet");
    // Cut in two on its way.
    says(&mut one, "COM").await;
    hears(&mut one, "COM").await;
    says(&mut one, "MIT").await;
    caught.wait(LONG).await.unwrap();
    hears_nothing(&mut one).await;
    says(&mut other, "COMMIT").await;
    hears(&mut other, "COMMIT").await;
    caught.let_go();
    hears(&mut one, "MIT").await;
}

#[tokio::test]
async fn a_commit_is_done_while_its_answer_is_caught() {
    let postgres = Postgres::start().await.unwrap();
    let proxy = FaultProxy::start(postgres.port()).await.unwrap();
    let ask = |port: u16, sql: &str| {
        let mut psql = postgres.psql(["-c", sql]);
        psql.env("PGPORT", port.to_string());
        crate::Process::spawn(psql).unwrap()
    };
    let mut made = ask(postgres.port(), "create table t (n int)");
    assert!(made.wait(LONG).await.unwrap().success());
    let mut caught = proxy.catch(Direction::ToClient, containing("COMMIT"));
    let mut writer = ask(proxy.port(), "begin; insert into t values (42); commit");
    caught.wait(LONG).await.unwrap();
    assert!(writer.status().unwrap().is_none(), "the writer has no answer yet");
    let mut reader = ask(postgres.port(), "select n from t");
    reader.wait(LONG).await.unwrap();
    assert_eq!(reader.stdout().trim(), "42", "and it is committed");
    caught.let_go();
    assert!(writer.wait(LONG).await.unwrap().success());
}
