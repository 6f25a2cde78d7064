//! The log file, which is set aside when it is full: `NAME` becomes `NAME.1`, `NAME.1` becomes `NAME.2`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::Error;

/// A log file and those before it. Every write is of whole lines, and no line is split over two files.
pub(super) struct LogFile {
    path: PathBuf,
    max_size: u64,
    keep: u32,
    /// `None` between setting one aside and opening the next.
    file: Option<File>,
    size: u64,
}

impl LogFile {
    /// Opens the file to append to it. It is set aside when it would grow beyond `max_size` bytes; `keep`
    /// files that were set aside are kept.
    pub(super) fn open(path: &Path, max_size: u64, keep: u32) -> Result<Self, Error> {
        let mut opened = Self { path: path.to_owned(), max_size, keep, file: None, size: 0 };
        opened.reopen().map_err(|source| explain(path, source))?;
        Ok(opened)
    }

    fn reopen(&mut self) -> io::Result<()> {
        let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.size = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }

    fn set_aside(&mut self) -> io::Result<()> {
        // Closed first: some systems do not rename open files.
        self.file = None;
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.numbered(1))
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }

    fn room(&self) -> usize {
        usize::try_from(self.max_size.saturating_sub(self.size)).unwrap_or(usize::MAX)
    }

    /// How many bytes of `lines` go into the file as it is: whole lines, at least one into an empty file.
    fn fitting(&self, lines: &[u8]) -> usize {
        if lines.len() <= self.room() {
            return lines.len();
        }
        let end = |at: usize| at + 1;
        let last = lines[..self.room()].iter().rposition(|byte| *byte == b'\n').map_or(0, end);
        if last == 0 && self.size == 0 {
            return lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), end);
        }
        last
    }
}

impl Write for LogFile {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        if self.file.is_none() {
            self.reopen()?;
        }
        let mut fitting = self.fitting(lines);
        if fitting == 0 && !lines.is_empty() {
            self.set_aside()?;
            self.reopen()?;
            fitting = self.fitting(lines);
        }
        let Some(file) = &mut self.file else { return Ok(0) };
        file.write_all(&lines[..fitting])?;
        self.size += fitting as u64;
        Ok(fitting)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

fn explain(path: &Path, source: io::Error) -> Error {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::NotFound => Error::NoSuchFolder { path },
        ErrorKind::PermissionDenied => Error::NotPermitted { path },
        ErrorKind::IsADirectory => Error::Folder { path },
        _ => Error::File { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &Path, name: &str) -> Option<String> {
        fs::read_to_string(folder.join(name)).ok()
    }

    #[test]
    fn a_full_file_is_set_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        fs::write(&path, "before\n").unwrap();
        let mut file = LogFile::open(&path, 20, 2).unwrap();
        file.write_all(b"line 1\n").unwrap();
        assert_eq!(read(folder.path(), "server.log").unwrap(), "before\nline 1\n");
        file.write_all(b"line 2\nline 3\nline 4\nline 5\nline 6\n").unwrap();
        assert_eq!(read(folder.path(), "server.log").unwrap(), "line 6\n");
        assert_eq!(read(folder.path(), "server.log.1").unwrap(), "line 4\nline 5\n");
        assert_eq!(read(folder.path(), "server.log.2").unwrap(), "line 2\nline 3\n");
        assert_eq!(read(folder.path(), "server.log.3"), None);
    }

    #[test]
    fn a_line_longer_than_a_file_gets_one_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        let mut file = LogFile::open(&path, 10, 1).unwrap();
        file.write_all(b"a\na line that is too long\nb\n").unwrap();
        assert_eq!(read(folder.path(), "server.log").unwrap(), "b\n");
        assert_eq!(read(folder.path(), "server.log.1").unwrap(), "a line that is too long\n");
        let mut file = LogFile::open(&path, 2, 0).unwrap();
        file.write_all(b"c\n").unwrap();
        assert_eq!(read(folder.path(), "server.log").unwrap(), "c\n");
        assert_eq!(read(folder.path(), "server.log.1").unwrap(), "a line that is too long\n");
    }

    #[test]
    fn a_path_that_cannot_be_written_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let shown = |path: &Path| LogFile::open(path, 10, 1).map(drop).unwrap_err().to_string();
        let missing = folder.path().join("nowhere/server.log");
        assert_eq!(
            shown(&missing),
            format!(
                "cannot open the log file {}: its folder does not exist; create it, or set `logging.file` to another path",
                missing.display()
            )
        );
        assert_eq!(
            shown(folder.path()),
            format!(
                "cannot open the log file {}: this is a folder; set `logging.file` to the path of a file in it",
                folder.path().display()
            )
        );
    }
}
