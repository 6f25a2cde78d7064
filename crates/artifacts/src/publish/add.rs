//! Staging: files to be added, and paths to be taken back.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use jiff::Timestamp;
use leasehold_domain::text;
use leasehold_domain::{FeatureName, Version};
use sha2::{Digest as _, Sha256};

use super::create::TOP;
use super::list::{Listed, State};
use super::staged::Added;
use super::{PublishError, Publisher};
use crate::digest::Digest;
use crate::durable::{self, PART};
use crate::target::{Release, WithdrawnEntry};

/// Longest name of a product, a channel, a file.
const NAME: usize = 100;
/// Longest text for people.
const TEXT: usize = 2_000;

impl Publisher {
    /// Stages a file as `PRODUCT/VERSION/FILE`; its content is copied. The next publication names it.
    ///
    /// Staging the same file again changes what is said about it. A path that is published, or was taken back, stays as it
    /// is.
    pub fn add(&mut self, file: &Path, mut release: Release, now: Timestamp) -> Result<Listed, PublishError> {
        check(&release)?;
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        check_name("file", name)?;
        let path = format!("{}/{}/{name}", release.product, release.version);
        let in_force = self.in_force()?;
        if let Some(role) = in_force.products.get(&release.product) {
            if role.withdrawn.contains_key(&path) {
                return Err(PublishError::Taken { path, state: "was taken back" });
            }
            if role.targets.contains_key(&path) {
                return Err(PublishError::Taken { path, state: "is published already" });
            }
        }
        release.released_at = Some(Timestamp::from_second(now.as_second()).unwrap_or(now));
        let (length, sha256) = self.copy(file, &release, name)?;
        let mut staged = self.staged()?;
        staged.add.insert(path.clone(), Added { length, sha256, release: release.clone() });
        self.stage(&staged)?;
        Ok(Listed { path, length, sha256, release: Some(release), state: State::Staged, reason: None })
    }

    /// Stages taking a path back, for a reason that administrators see. One that is only staged is not staged any more.
    pub fn withdraw(&mut self, path: &str, reason: &str, now: Timestamp) -> Result<State, PublishError> {
        let problem = |error: text::TextError| PublishError::invalid("reason", error.to_string());
        text::check(reason, TEXT).map_err(problem)?;
        let (in_force, mut staged) = (self.in_force()?, self.staged()?);
        let was_staged = staged.add.remove(path).is_some();
        let product = path.split('/').next().unwrap_or_default();
        let role = in_force.products.get(product);
        if !role.is_some_and(|role| role.targets.contains_key(path)) {
            if was_staged {
                self.stage(&staged)?;
                return Ok(State::Unstaged);
            }
            if role.is_some_and(|role| role.withdrawn.contains_key(path)) {
                return Err(PublishError::Taken { path: path.to_owned(), state: "was taken back already" });
            }
            return Err(PublishError::NoTarget { path: path.to_owned() });
        }
        let at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        staged.withdraw.insert(path.to_owned(), WithdrawnEntry { reason: reason.to_owned(), at });
        self.stage(&staged)?;
        Ok(State::Withdrawing)
    }

    /// Copies content to where it will be served from, by its hash.
    fn copy(&self, file: &Path, release: &Release, name: &str) -> Result<(u64, Digest), PublishError> {
        let folder = self.dir.join(format!("repository/targets/{}/{}", release.product, release.version));
        durable::make_folder(&self.steps, &folder).map_err(PublishError::io(&folder))?;
        let part = folder.join(format!("{name}{PART}"));
        let copied = copy(file, &part);
        let (length, sha256) = match copied {
            Ok(copied) => copied,
            Err(error) => {
                let _ = durable::remove(&part);
                return Err(error);
            }
        };
        let place = folder.join(format!("{sha256}.{name}"));
        self.steps.at("rename to", &place);
        let placed = fs::rename(&part, &place).and_then(|()| durable::sync_folder(&self.steps, &folder));
        placed.map_err(PublishError::io(&place))?;
        Ok((length, sha256))
    }
}

fn copy(from: &Path, to: &Path) -> Result<(u64, Digest), PublishError> {
    let mut source = File::open(from).map_err(PublishError::io(from))?;
    let mut copy = File::create(to).map_err(PublishError::io(to))?;
    let (mut hasher, mut buffer, mut length) = (Sha256::new(), vec![0; 256 * 1024], 0);
    loop {
        let count = source.read(&mut buffer).map_err(PublishError::io(from))?;
        if count == 0 {
            copy.sync_all().map_err(PublishError::io(to))?;
            return Ok((length, Digest::finish(hasher)));
        }
        hasher.update(&buffer[..count]);
        copy.write_all(&buffer[..count]).map_err(PublishError::io(to))?;
        length += count as u64;
    }
}

fn check(release: &Release) -> Result<(), PublishError> {
    check_name("product", &release.product)?;
    if TOP.contains(&release.product.as_str()) {
        let problem = format!("{} is the name of a role; give another", release.product);
        return Err(PublishError::invalid("product", problem));
    }
    check_version("version", &release.version)?;
    release.minimum_version.as_deref().map_or(Ok(()), |version| check_version("minimum version", version))?;
    check_name("channel", &release.channel)?;
    release.os.as_deref().map_or(Ok(()), |name| check_name("os", name))?;
    release.arch.as_deref().map_or(Ok(()), |name| check_name("arch", name))?;
    for feature in &release.features {
        FeatureName::new(feature).map_err(|error| PublishError::invalid("feature", error.to_string()))?;
    }
    let notes = release.notes.as_deref().unwrap_or_default();
    let long = notes.len() > TEXT;
    if long { Err(PublishError::invalid("notes", format!("give at most {TEXT} bytes"))) } else { Ok(()) }
}

fn check_version(field: &'static str, version: &str) -> Result<(), PublishError> {
    let parsed = version.parse::<Version>();
    parsed.map(drop).map_err(|error| PublishError::invalid(field, error.to_string()))
}

/// Names stand in paths, in file names and in the patterns of delegations.
fn check_name(field: &'static str, name: &str) -> Result<(), PublishError> {
    let character = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    let good = (1..=NAME).contains(&name.len()) && name.chars().all(character) && !name.starts_with('.');
    if good && !name.ends_with(PART) {
        return Ok(());
    }
    let problem = format!(
        "{name:?} cannot be used; give 1 to {NAME} letters, digits, dots, plus signs, dashes and underscores, no dot first"
    );
    Err(PublishError::invalid(field, problem))
}
