//! A vendor with a repository, and a web server for it that can be made to fail.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use leasehold_artifacts::{Digest, Kind, Publisher, Release};
use rand::rngs::StdRng;
use tempfile::TempDir;

/// What is wrong with the next answer about a path with this in it.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// It breaks off after so many bytes.
    BreaksOff(usize),
    /// It is this head and nothing else: status line and headers.
    Says(&'static str),
}

pub(crate) struct Repository {
    folder: TempDir,
    pub(crate) publisher: Mutex<Publisher>,
    address: String,
    served: Arc<Served>,
}

struct Served {
    root: Mutex<PathBuf>,
    troubles: Mutex<Vec<(String, Trouble)>>,
    /// Paths that were asked for, with the Range and If-Range of each.
    asked: Mutex<Vec<(String, String, String)>>,
}

impl Repository {
    pub(crate) fn new(now: Timestamp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let publisher = Publisher::create(&folder.path().join("updates"), "", now, &mut rng()).unwrap();
        let root = publisher.repository();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/some/where/", listener.local_addr().unwrap());
        let served =
            Arc::new(Served { root: Mutex::new(root), troubles: Mutex::default(), asked: Mutex::default() });
        let serving = Arc::clone(&served);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, serving) = (stream.unwrap(), Arc::clone(&serving));
                // One that went away is not our failure.
                std::thread::spawn(move || while let Ok(true) = serving.answer(&stream) {});
            }
        });
        Self { folder, publisher: Mutex::new(publisher), address, served }
    }

    /// Where it is, and its first root.
    pub(crate) fn said(&self) -> (String, Vec<u8>) {
        let root = self.publisher.lock().unwrap().repository().join("metadata/1.root.json");
        (self.address.clone(), fs::read(root).unwrap())
    }

    /// Adds a release with this content, and publishes it; its path.
    pub(crate) fn release(&self, release: Release, content: &[u8], now: Timestamp) -> String {
        let file = self.folder.path().join("rules.db");
        fs::write(&file, content).unwrap();
        let mut publisher = self.publisher.lock().unwrap();
        let path = publisher.add(&file, release, now).unwrap().path;
        publisher.publish(now, &mut rng()).unwrap();
        path
    }

    /// Takes a path back.
    pub(crate) fn withdraw(&self, path: &str, now: Timestamp) {
        let mut publisher = self.publisher.lock().unwrap();
        publisher.withdraw(path, "it was wrong", now).unwrap();
        publisher.publish(now, &mut rng()).unwrap();
    }

    /// What goes wrong next.
    pub(crate) fn expect(&self, path: &str, trouble: Trouble) {
        self.served.troubles.lock().unwrap().push((path.to_owned(), trouble));
    }

    /// What was asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<(String, String, String)> {
        std::mem::take(&mut *self.served.asked.lock().unwrap())
    }

    /// A copy of the repository as it is now, to be served later.
    pub(crate) fn copy(&self) -> PathBuf {
        let copy = self.folder.path().join("copy");
        copy_all(&self.publisher.lock().unwrap().repository(), &copy);
        copy
    }

    /// Serves this folder instead.
    pub(crate) fn serve_instead(&self, folder: PathBuf) -> PathBuf {
        std::mem::replace(&mut *self.served.root.lock().unwrap(), folder)
    }

    /// The file of a target, as it is served.
    pub(crate) fn file(&self, path: &str, content: &[u8]) -> PathBuf {
        let (folder, name) = path.rsplit_once('/').unwrap();
        let root = self.served.root.lock().unwrap();
        root.join("targets").join(folder).join(format!("{}.{name}", Digest::of(content)))
    }
}

impl Served {
    /// Answers one request; whether the connection goes on.
    fn answer(&self, mut stream: &TcpStream) -> std::io::Result<bool> {
        let mut lines = BufReader::new(stream).lines();
        let Some(request) = lines.next().transpose()? else { return Ok(false) };
        let (mut range, mut if_range) = (String::new(), String::new());
        while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap();
            match name.to_ascii_lowercase().as_str() {
                "range" => value.clone_into(&mut range),
                "if-range" => value.clone_into(&mut if_range),
                _ => {}
            }
        }
        let path = request.split(' ').nth(1).unwrap().strip_prefix("/some/where/").unwrap().to_owned();
        self.asked.lock().unwrap().push((path.clone(), range.clone(), if_range.clone()));
        let mut cut = usize::MAX;
        match self.trouble(&path) {
            None => {}
            Some(Trouble::BreaksOff(after)) => cut = after,
            Some(Trouble::Says(head)) => {
                write!(stream, "{head}\r\nContent-Length: 0\r\n\r\n")?;
                return Ok(true);
            }
        }
        let file = self.root.lock().unwrap().join(&path);
        let Ok(content) = fs::read(file) else {
            write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            return Ok(true);
        };
        let tag = format!("\"{}\"", Digest::of(&content));
        let from = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
        let from =
            from.filter(|_| if_range.is_empty() || if_range == tag).map_or(0, |from| from.parse().unwrap());
        let rest = &content[from..];
        let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
        write!(stream, "HTTP/1.1 {status}\r\nETag: {tag}\r\nContent-Length: {}\r\n", rest.len())?;
        if from > 0 {
            write!(stream, "Content-Range: bytes {from}-{}/{}\r\n", content.len() - 1, content.len())?;
        }
        write!(stream, "\r\n")?;
        stream.write_all(&rest[..cut.min(rest.len())])?;
        if cut < rest.len() {
            stream.shutdown(std::net::Shutdown::Both)?;
            return Ok(false);
        }
        Ok(true)
    }

    fn trouble(&self, path: &str) -> Option<Trouble> {
        let mut troubles = self.troubles.lock().unwrap();
        let index = troubles.iter().position(|(part, _)| path.contains(part.as_str()))?;
        Some(troubles.remove(index).1)
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &place);
        } else {
            fs::copy(path, place).unwrap();
        }
    }
}

/// A definition file of a product.
pub(crate) fn definition(product: &str, version: &str) -> Release {
    Release::new(product, version, Kind::Definition)
}

fn rng() -> StdRng {
    rand::make_rng()
}
