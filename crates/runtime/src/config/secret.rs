//! A secret that is given inline or as a file, never both, and never shown.

use std::fs;
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};

/// What stands in place of a secret where settings are shown.
const HIDDEN: &str = "(hidden)";
/// Keys whose values are secrets, without their sections.
const SECRETS: [&str; 2] = ["password", "master_key"];

/// Why a secret cannot be had, and the key that is wrong.
pub(super) struct SecretError {
    pub(super) key: String,
    pub(super) problem: String,
}

/// The secret, where one is given.
pub(super) fn given(secret: &SecretString) -> Option<&SecretString> {
    (!secret.expose_secret().is_empty()).then_some(secret)
}

/// Reads the file, where there is one. `key` is the secret's; the file's is the same with `_file` behind it.
pub(super) fn read(key: &str, secret: &mut SecretString, file: Option<&PathBuf>) -> Result<(), SecretError> {
    let Some(path) = file else { return Ok(()) };
    let wrong = |problem| SecretError { key: format!("{key}_file"), problem };
    if given(secret).is_some() {
        return Err(wrong(format!("give {key} or {key}_file, not both")));
    }
    let text = fs::read_to_string(path)
        .map_err(|error| wrong(format!("{} cannot be read: {error}", path.display())))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        let what = key.rsplit('.').next().unwrap_or(key).replace('_', " ");
        return Err(wrong(format!("{} is empty; write the {what} into it", path.display())));
    }
    *secret = text.into();
    Ok(())
}

/// A setting as it may be shown: without what is secret in it.
pub(super) fn shown(key: &str, value: String) -> String {
    let is_secret = key.rsplit('.').next().is_some_and(|name| SECRETS.contains(&name));
    if is_secret && !value.is_empty() {
        return HIDDEN.to_owned();
    }
    let Some((scheme, rest)) = value.split_once("://") else { return value };
    match rest.rsplit_once('@').and_then(|(login, host)| Some((login.split_once(':')?.0, host))) {
        Some((user, host)) => format!("{scheme}://{user}:{HIDDEN}@{host}"),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (key, value, expected) in [
            ("postgres.password", "s3cret", HIDDEN),
            ("postgres.password", "", ""),
            ("security.master_key", "00ff", HIDDEN),
            ("security.master_key_file", "/run/secrets/key", "/run/secrets/key"),
            ("postgres.url", "postgres://db/leasehold", "postgres://db/leasehold"),
            ("postgres.url", "postgres://me@db/leasehold", "postgres://me@db/leasehold"),
            ("redis.url", "redis://:p@ss@cache:6379", "redis://:(hidden)@cache:6379"),
            ("runtime.data_dir", "a:b@c", "a:b@c"),
        ] {
            assert_eq!(shown(key, value.to_owned()), expected);
        }
        assert!(!format!("{:?}", SecretString::from("s3cret")).contains("s3cret"));
    }

    #[test]
    fn a_secret_comes_from_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let try_it = |inline: &str| {
            let mut secret = SecretString::from(inline);
            read("redis.password", &mut secret, Some(&file)).map(|()| secret)
        };
        assert!(try_it("x").is_err_and(|error| error.problem.contains("not both")));
        assert!(try_it("").is_err_and(|error| error.key == "redis.password_file"));
        fs::write(&file, "\n").unwrap();
        assert!(try_it("").is_err_and(|error| error.problem.contains("is empty; write the password")));
        fs::write(&file, "from a file\n").unwrap();
        assert!(try_it("").is_ok_and(|secret| secret.expose_secret() == "from a file"));
        let mut none = SecretString::from("");
        assert!(read("redis.password", &mut none, None).is_ok() && given(&none).is_none());
    }
}
