use std::fs;
use std::path::Path;

use super::*;

fn fresh() -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data/of/ours");
    (parent, path)
}

#[test]
fn a_new_directory_opens_again_after_it_was_let_go() {
    let (_parent, path) = fresh();
    let made = DataDir::create(&path).unwrap();
    assert_eq!((made.path(), made.licensing_db()), (&*path, path.join("licensing.db")));
    drop(made);
    assert_eq!(DataDir::open(&path).unwrap().path(), path);
}

#[test]
fn a_second_user_is_told_who_works_there() {
    let (_parent, path) = fresh();
    let made = DataDir::create(&path).unwrap();
    let error = DataDir::open(&path).unwrap_err();
    assert!(
        matches!(&error, DataDirError::Locked { pid, .. } if *pid == Some(std::process::id())),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains(path.to_str().unwrap()), "{text}");
    assert!(text.contains(&format!("({})", std::process::id())), "{text}");

    drop(made);
    let opened = DataDir::open(&path).unwrap();
    assert!(matches!(DataDir::open(&path), Err(DataDirError::Locked { .. })));
    drop(opened);
    DataDir::open(&path).unwrap();
}

#[test]
fn a_directory_that_nobody_has_made_says_how_to() {
    let (parent, path) = fresh();
    for path in [path, parent.path().to_owned(), parent.path().join("file/below")] {
        fs::write(parent.path().join("file"), "").unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(matches!(error, DataDirError::NotInitialised { .. }), "{error:?}");
        assert!(error.to_string().contains("`leasehold init`"), "{error}");
        assert!(!path.join("lock").exists());
    }
}

#[test]
fn a_newer_or_unreadable_layout_is_refused() {
    let (_parent, path) = fresh();
    drop(DataDir::create(&path).unwrap());
    fs::write(path.join("format"), "2\n").unwrap();
    let error = DataDir::open(&path).unwrap_err();
    assert!(matches!(error, DataDirError::Newer { found: 2, known: 1, .. }), "{error:?}");
    for content in [&b""[..], b"one", b"0", b"\xff\xfe"] {
        fs::write(path.join("format"), content).unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(matches!(error, DataDirError::Damaged { .. }), "{content:?}: {error:?}");
    }
}

#[test]
fn a_directory_is_made_once_and_only_where_nothing_else_is() {
    let (parent, path) = fresh();
    drop(DataDir::create(&path).unwrap());
    assert!(matches!(DataDir::create(&path), Err(DataDirError::Exists { .. })));

    let error = DataDir::create(parent.path()).unwrap_err();
    assert!(matches!(error, DataDirError::NotEmpty { .. }), "{error:?}");
    assert!(!parent.path().join("lock").exists());
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(DataDir::create(&file), Err(DataDirError::Io { .. })));
}

#[test]
fn making_goes_on_where_it_was_cut_short() {
    let (_parent, path) = fresh();
    fs::create_dir_all(path.join("lost+found")).unwrap();
    fs::write(path.join("lock"), "1").unwrap();
    fs::write(path.join("format.new"), "").unwrap();
    drop(DataDir::create(&path).unwrap());
    DataDir::open(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_look_and_others_directories_stay_as_they_are() {
    use std::os::unix::fs::PermissionsExt;

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (parent, path) = fresh();
    drop(DataDir::create(&path).unwrap());
    assert_eq!(mode(&path), 0o700);

    let empty = parent.path().join("empty");
    let full = parent.path().join("full");
    for directory in [&empty, &full] {
        fs::create_dir(directory).unwrap();
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(full.join("letter"), "").unwrap();
    drop(DataDir::create(&empty).unwrap());
    DataDir::create(&full).unwrap_err();
    assert_eq!((mode(&empty), mode(&full)), (0o700, 0o755));
}

#[test]
fn who_works_there_can_be_seen_without_taking_it() {
    let (_parent, path) = fresh();
    assert_eq!(directory::holder(&path).unwrap(), None, "there is nothing");
    let made = DataDir::create(&path).unwrap();
    let pid = Some(std::process::id());
    assert_eq!(directory::holder(&path).unwrap(), Some(directory::Holder { pid }));
    drop(made);
    assert_eq!(directory::holder(&path).unwrap(), None);
    drop(DataDir::open(&path).expect("a look takes nothing"));
}
