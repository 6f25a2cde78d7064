//! Blobs in a folder: what comes in whole, broken, wrong or into a full disk.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt, TryStreamExt, stream};

use super::*;

/// Content that breaks off, begins elsewhere, or is another one; it remembers from where it was asked for.
#[derive(Default)]
struct Shaky {
    content: Vec<u8>,
    /// Bytes after which each opening breaks off.
    breaks_after: Option<usize>,
    /// It always begins at the beginning.
    no_ranges: bool,
    asked: Mutex<Vec<u64>>,
    sent: AtomicU64,
}

#[async_trait]
impl Source for Shaky {
    async fn open(&self, offset: u64) -> Result<Opened, SourceError> {
        self.asked.lock().unwrap().push(offset);
        let offset = if self.no_ranges { 0 } else { offset };
        let rest = self.content[usize::try_from(offset).unwrap()..].to_vec();
        let end = self.breaks_after.unwrap_or(rest.len()).min(rest.len());
        self.sent.fetch_add(end as u64, Ordering::Relaxed);
        let mut chunks: Vec<std::io::Result<bytes::Bytes>> =
            rest[..end].chunks(1000).map(|chunk| Ok(chunk.to_vec().into())).collect();
        if end < rest.len() {
            chunks.push(Err(std::io::Error::other("the line broke")));
        }
        Ok(Opened { offset, bytes: stream::iter(chunks).boxed() })
    }
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|index| u8::try_from(index * index % 251).unwrap()).collect()
}

fn place() -> (tempfile::TempDir, FolderBlobs) {
    let dir = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(dir.path()).unwrap();
    (dir, blobs)
}

async fn read(blobs: &FolderBlobs, sha256: Digest, range: Range<u64>) -> Vec<u8> {
    let chunks: Vec<bytes::Bytes> = blobs.read(sha256, range).await.unwrap().try_collect().await.unwrap();
    chunks.concat()
}

fn parts(dir: &tempfile::TempDir) -> usize {
    std::fs::read_dir(dir.path().join("part")).unwrap().count()
}

#[tokio::test]
async fn any_range_of_a_blob_is_read() {
    let (_dir, blobs) = place();
    let all = content(700_000);
    let wanted = Wanted::of(&all);
    let put = blobs.put(wanted, &BytesSource(all.clone().into())).await.unwrap();
    assert_eq!(put, Put { fetched: 700_000, already: false });
    for range in [0..0, 0..1, 0..700_000, 699_999..700_000, 262_143..262_145, 1..524_289, 700_000..700_000] {
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
        let expected = &all[start..end];
        assert_eq!(read(&blobs, wanted.sha256, range.clone()).await, expected, "{range:?}");
    }
    for (start, end) in [(0, 700_001), (2, 1), (700_001, 700_001)] {
        let refused = blobs.read(wanted.sha256, start..end).await.err().unwrap();
        assert_eq!(refused.reason(), "BLOB_RANGE");
    }
    let other = blobs.read(Digest::of(b"x"), 0..0).await.err().unwrap();
    assert_eq!(other.reason(), "BLOB_NOT_FOUND");
    let again = blobs.put(wanted, &Shaky::default()).await.unwrap();
    assert_eq!(again, Put { fetched: 0, already: true });
}

#[tokio::test]
async fn nothing_is_a_blob_too() {
    let (dir, blobs) = place();
    let source = Shaky::default();
    blobs.put(Wanted::of(b""), &source).await.unwrap();
    assert_eq!(blobs.length(Digest::of(b"")).await.unwrap(), Some(0));
    assert!(source.asked.lock().unwrap().is_empty() && parts(&dir) == 0);
}

#[tokio::test]
async fn a_transfer_goes_on_where_it_broke_off() {
    for no_ranges in [false, true] {
        let (dir, blobs) = place();
        let all = content(10_000);
        let wanted = Wanted::of(&all);
        let mut source =
            Shaky { content: all.clone(), breaks_after: Some(4_500), no_ranges, ..Shaky::default() };
        let broken = blobs.put(wanted, &source).await.unwrap_err();
        assert!(broken.may_pass() && broken.to_string().contains("after 4500 of 10000 bytes"), "{broken}");
        assert_eq!(blobs.length(wanted.sha256).await.unwrap(), None);
        assert_eq!(blobs.left_of(wanted.sha256), 4_500);
        // Another process begins with what is there.
        let blobs = FolderBlobs::open(dir.path()).unwrap();
        source.breaks_after = None;
        let put = blobs.put(wanted, &source).await.unwrap();
        assert_eq!(put.fetched, if no_ranges { 10_000 } else { 5_500 });
        assert_eq!(*source.asked.lock().unwrap(), [0, 4_500]);
        assert_eq!(read(&blobs, wanted.sha256, 0..10_000).await, all);
        assert_eq!(parts(&dir), 0);
    }
}

#[tokio::test]
async fn a_source_that_ends_early_is_not_believed() {
    let (_dir, blobs) = place();
    let wanted = Wanted::of(&content(5_000));
    let source = Shaky { content: content(4_000), ..Shaky::default() };
    let short = blobs.put(wanted, &source).await.unwrap_err();
    assert!(short.may_pass() && short.to_string().contains("ended early"), "{short}");
    assert_eq!(blobs.length(wanted.sha256).await.unwrap(), None);
}

#[tokio::test]
async fn wrong_content_is_deleted() {
    let (dir, blobs) = place();
    let wanted = Wanted::of(b"right");
    let wrong = blobs.put(wanted, &BytesSource("wrong".into())).await.unwrap_err();
    assert!(matches!(wrong, BlobError::WrongHash { found, .. } if found == Digest::of(b"wrong")));
    let long = blobs.put(wanted, &BytesSource("right and more".into())).await.unwrap_err();
    assert!(matches!(long, BlobError::TooLong { wanted: 5 }));
    assert_eq!((parts(&dir), blobs.length(wanted.sha256).await.unwrap()), (0, None));
}

#[tokio::test]
async fn an_old_part_that_is_wrong_costs_one_more_transfer() {
    let (dir, blobs) = place();
    let wanted = Wanted::of(b"right");
    let part = dir.path().join(format!("part/{}.part", wanted.sha256));
    for old in ["wr", "wrong", "wrong and longer"] {
        std::fs::write(&part, old).unwrap();
        let source = Shaky { content: b"right".to_vec(), ..Shaky::default() };
        blobs.put(wanted, &source).await.unwrap();
        assert_eq!(source.asked.lock().unwrap().last(), Some(&0), "{old}");
        assert!(blobs.remove(wanted.sha256).await.unwrap());
    }
    // And if that is wrong as well, it is not tried for ever.
    std::fs::write(&part, "wr").unwrap();
    let source = Shaky { content: b"other".to_vec(), ..Shaky::default() };
    assert_eq!(blobs.put(wanted, &source).await.unwrap_err().reason(), "BLOB_WRONG_HASH");
    assert_eq!(*source.asked.lock().unwrap(), [2, 0]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_left_as_it_was() {
    let (dir, blobs) = place();
    let wanted = Wanted::of(&content(5_000));
    // Whatever is written to this device finds no room.
    let part = dir.path().join(format!("part/{}.part", wanted.sha256));
    std::os::unix::fs::symlink("/dev/full", &part).unwrap();
    let full = blobs.put(wanted, &BytesSource(content(5_000).into())).await.unwrap_err();
    assert!(matches!(full, BlobError::NoSpace { wanted: 5_000, .. }), "{full}");
    assert!(full.may_pass() && parts(&dir) == 0);
    assert_eq!(blobs.length(wanted.sha256).await.unwrap(), None);
    // When there is room, it goes.
    blobs.put(wanted, &BytesSource(content(5_000).into())).await.unwrap();
}

#[tokio::test]
async fn two_that_want_the_same_fetch_it_once() {
    let (dir, blobs) = place();
    let all = content(5_000);
    let (wanted, source) = (Wanted::of(&all), Shaky { content: all, ..Shaky::default() });
    let (one, two) = tokio::join!(blobs.put(wanted, &source), blobs.put(wanted, &source));
    assert_eq!(u8::from(one.unwrap().already) + u8::from(two.unwrap().already), 1);
    assert_eq!(source.sent.load(Ordering::Relaxed), 5_000);
    // Another process that is at it is not disturbed.
    let other = Wanted::of(b"other");
    let part = std::fs::File::create(dir.path().join(format!("part/{}.part", other.sha256))).unwrap();
    part.lock().unwrap();
    assert_eq!(blobs.put(other, &BytesSource("other".into())).await.unwrap_err().reason(), "BLOB_BUSY");
}

#[tokio::test]
async fn what_has_rotted_is_found_and_fetched_again() {
    let (_dir, blobs) = place();
    let contents: Vec<Vec<u8>> = (0..5_u8).map(|index| vec![index; 100]).collect();
    let mut wanted: Vec<Wanted> = contents.iter().map(|content| Wanted::of(content)).collect();
    for content in &contents {
        blobs.put(Wanted::of(content), &BytesSource(content.clone().into())).await.unwrap();
    }
    wanted.sort();
    assert_eq!(blobs.list(None, 10).await.unwrap(), wanted);
    assert_eq!(blobs.list(Some(wanted[1].sha256), 2).await.unwrap(), wanted[2..4]);
    std::fs::write(blobs.path(wanted[3].sha256), "rotten").unwrap();

    let first = scrub(&blobs, None, 3).await.unwrap();
    assert_eq!((first.checked, first.bytes, &first.bad), (3, 300, &Vec::new()));
    let second = scrub(&blobs, first.next, 3).await.unwrap();
    assert_eq!((second.checked, second.bad, second.next), (2, vec![wanted[3].sha256], None));
    assert_eq!(blobs.length(wanted[3].sha256).await.unwrap(), None);
}

#[tokio::test]
async fn what_nobody_went_on_with_is_swept() {
    let (dir, blobs) = place();
    let source = Shaky { content: content(100), breaks_after: Some(10), ..Shaky::default() };
    blobs.put(Wanted::of(&content(100)), &source).await.unwrap_err();
    assert_eq!((blobs.sweep(jiff::Timestamp::UNIX_EPOCH).await.unwrap(), parts(&dir)), (0, 1));
    assert_eq!((blobs.sweep(jiff::Timestamp::MAX).await.unwrap(), parts(&dir)), (1, 0));
}
