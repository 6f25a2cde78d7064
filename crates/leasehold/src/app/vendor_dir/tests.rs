use super::*;

#[test]
fn keys_are_made_once_and_read_back() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("of/the/vendor");
    let directory = VendorDir::create(&path).unwrap();
    assert!(matches!(directory.master_key(), Err(VendorDirError::NoKey { .. })));
    let root = directory.make_root_key().unwrap();
    let master = directory.make_master_key().unwrap();
    drop(directory);
    let again = VendorDir::create(&path).unwrap();
    assert_eq!(again.make_root_key().unwrap().id(), root.id());
    assert_eq!(*again.master_key().unwrap().expose_text(), *master.expose_text());
    let text = fs::read_to_string(again.root_file()).unwrap();
    assert!(text.len() == 65 && text.ends_with('\n'), "{text:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&again.root_file())), (0o700, 0o600));
        assert_eq!(mode(&path.join("master.key")), 0o600);
    }
}

#[test]
fn a_directory_is_for_one_process_and_for_nothing_else() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("vendor");
    assert!(matches!(VendorDir::open(&path), Err(VendorDirError::NotInitialised { .. })));
    assert!(!path.exists());
    let directory = VendorDir::create(&path).unwrap();
    fs::write(directory.database(), "").unwrap();
    let error = VendorDir::open(&path).unwrap_err();
    assert!(
        matches!(&error, VendorDirError::Locked { pid, .. } if *pid == Some(std::process::id())),
        "{error:?}"
    );
    drop(directory);
    VendorDir::open(&path).unwrap();
    fs::write(path.join("letter.txt"), "dear").unwrap();
    assert!(matches!(VendorDir::create(&path), Err(VendorDirError::NotEmpty { .. })));
}

#[test]
fn what_is_no_key_is_told_without_showing_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(ROOT);
    assert!(matches!(read_root_key(&path), Err(VendorDirError::NoKey { .. })));
    fs::write(&path, "s3cret").unwrap();
    let error = read_root_key(&path).unwrap_err();
    assert!(matches!(error, VendorDirError::Key { .. }) && !error.to_string().contains("s3cret"), "{error}");
}
