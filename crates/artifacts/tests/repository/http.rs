//! A web server that is just enough for a client of TUF: GET, one answer, closed.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use futures::TryStreamExt;
use leasehold_artifacts::{FolderUpstream, Mirror, Upstream};

use crate::support::block_on;

/// What is served.
pub(crate) enum Served {
    Folder(FolderUpstream),
    Mirror(Arc<Mirror>),
}

/// Serves for as long as the test goes on; the address.
pub(crate) fn serve(served: Served) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // One that went away is not our failure.
            let _ = answer(&served, stream.unwrap());
        }
    });
    address
}

fn answer(served: &Served, mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let content = block_on(content(served, path));
    let status = if content.is_some() { "200 OK" } else { "404 Not Found" };
    let content = content.unwrap_or_default();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len())?;
    stream.write_all(&content)
}

async fn content(served: &Served, path: &str) -> Option<Vec<u8>> {
    let bytes = match served {
        Served::Folder(folder) => folder.get(path, 0, u64::MAX).await.unwrap()?.bytes,
        Served::Mirror(mirror) => {
            if let Some(name) = path.strip_prefix("metadata/") {
                return mirror.metadata(name).map(Into::into);
            }
            let target = mirror.find(path.strip_prefix("targets/")?)?;
            mirror.blobs().read(target.sha256, 0..target.length).await.ok()?
        }
    };
    let chunks: Vec<bytes::Bytes> = bytes.try_collect().await.ok()?;
    Some(chunks.concat())
}
