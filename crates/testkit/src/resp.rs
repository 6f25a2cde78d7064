//! Redis' protocol, as much of it as one command and its answer need.

use std::net::Ipv4Addr;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::Error;

/// Sends one command to this port of 127.0.0.1 and gives the answer as text.
pub(crate) async fn ask(port: u16, command: &[&str]) -> Result<String, Error> {
    let name = command.first().copied().unwrap_or_default();
    let wrap = || Error::system(format!("cannot send {name} to Redis at port {port}"));
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.map_err(wrap())?;
    let words = command.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let text = format!("*{}\r\n{}", command.len(), words.collect::<String>());
    stream.write_all(text.as_bytes()).await.map_err(wrap())?;
    let mut stream = BufReader::new(stream);
    let mut elements = Vec::new();
    let mut left = 1_usize;
    while left > 0 {
        left -= 1;
        let mut line = String::new();
        if stream.read_line(&mut line).await.map_err(wrap())? == 0 {
            return Err(wrap()(std::io::ErrorKind::UnexpectedEof.into()));
        }
        let (kind, rest) = line.trim_end().split_at(1.min(line.len()));
        match (kind, rest.parse::<usize>()) {
            ("-", _) => {
                return Err(Error::RedisAnswered { command: name.to_owned(), error: rest.to_owned() });
            }
            ("*", Ok(count)) => left += count,
            ("$", Ok(length)) => {
                let mut value = vec![0; length + 2];
                stream.read_exact(&mut value).await.map_err(wrap())?;
                elements.push(String::from_utf8_lossy(&value[..length]).into_owned());
            }
            // A length of -1: there is no such value.
            ("$" | "*", Err(_)) => elements.push(String::new()),
            _ => elements.push(rest.to_owned()),
        }
    }
    Ok(elements.join("\n"))
}
