//! Which service is meant, and where its unit is.

use std::path::{Path, PathBuf};

use super::systemd::Manager;
use crate::exit::{Exit, Failure};

/// Which service is meant.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// A service of this user, and not of the system
    #[arg(long)]
    pub(super) user: bool,
    /// The service's name, where there are several
    #[arg(long, default_value = "leasehold", value_name = "NAME", value_parser = name)]
    pub(super) name: String,
    /// The system below this directory, which does not run: for making images
    #[arg(long, value_name = "DIR", conflicts_with = "user")]
    pub(super) root: Option<PathBuf>,
}

/// What a unit may be called here: also a directory is called so.
fn name(text: &str) -> Result<String, String> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if begins && text.len() <= 64 && text.bytes().all(good) {
        return Ok(text.to_owned());
    }
    Err("give lower-case letters, digits and `-`, a letter first, 64 at most".to_owned())
}

impl Which {
    /// The unit's name.
    pub(super) fn unit(&self) -> String {
        format!("{}.service", self.name)
    }

    /// Who runs it.
    pub(super) fn manager(&self) -> Manager {
        match &self.root {
            Some(root) => Manager::Image(root.clone()),
            None if self.user => Manager::User,
            None => Manager::System,
        }
    }

    /// A path of the system that is meant.
    pub(super) fn below_root(&self, path: &Path) -> PathBuf {
        match &self.root {
            Some(root) => root.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        }
    }

    /// The unit's file.
    pub(super) fn file(&self) -> Result<PathBuf, Failure> {
        let folder = if self.user {
            user_folder("XDG_CONFIG_HOME", ".config")?.join("systemd/user")
        } else {
            self.below_root(Path::new("/etc/systemd/system"))
        };
        Ok(folder.join(self.unit()))
    }

    /// The unit's file, which has to be there.
    pub(super) fn installed(&self) -> Result<PathBuf, Failure> {
        let file = self.file()?;
        if file.exists() {
            return Ok(file);
        }
        let user = if self.user { " --user" } else { "" };
        let text = format!(
            "there is no service {}: {} is not there; make it with `leasehold service install{user}`",
            self.name,
            file.display()
        );
        Err(Failure::new(Exit::NotFound, text))
    }
}

/// A folder of whoever calls: what the variable says, else this one in their home.
pub(super) fn user_folder(variable: &str, inside: &str) -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set(variable).or_else(|| Some(set("HOME")?.join(inside))).ok_or_else(|| {
        Failure::error(format!(
            "HOME is not set, so that this user has no folder for services; set it, or {variable}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_are_those_of_units_and_directories() {
        for good in ["leasehold", "l", "site-2"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "2nd", "a b", "a/b", "../x", "Ä", "x.service"] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
