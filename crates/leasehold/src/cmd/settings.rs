//! The flags that say where the configuration comes from.

use std::path::{Path, PathBuf};

use leasehold::Config;
use leasehold_runtime::config::Sources;

use crate::exit::Failure;

/// Where the configuration comes from, besides the environment.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Files {
    /// Read this configuration file; may be given several times, later ones overrule earlier ones
    ///
    /// Without it, `leasehold.toml` in the current directory is read if it is there.
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Files {
    /// These files.
    pub(crate) fn of(files: Vec<PathBuf>) -> Self {
        Self { files }
    }

    /// Whether no file was named, so that the one in the current directory is meant.
    pub(crate) fn are_implied(&self) -> bool {
        self.files.is_empty()
    }

    /// Reads the configuration; `flags` are keys and values that overrule everything else.
    pub(crate) fn load(self, flags: Vec<(String, String)>) -> Result<Config, Failure> {
        Config::load(&self.sources(flags)?).map_err(Failure::error)
    }

    /// Where it is read from; `flags` are keys and values that overrule everything else.
    pub(crate) fn sources(self, flags: Vec<(String, String)>) -> Result<Sources, Failure> {
        Sources::from_process(self.files, flags)
            .map_err(|error| Failure::error(format!("the current directory cannot be used: {error}")))
    }
}

/// Fails where a file cannot be made because its folder is not there: before something is done that would be lost then.
pub(crate) fn folder_of(file: &Path) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        return Ok(());
    }
    let text = format!(
        "{} cannot be written: there is no folder {}; make it, or give another file. Nothing was done",
        file.display(),
        folder.display()
    );
    Err(Failure::error(text))
}

/// The flag that says where the data directory is.
#[derive(Debug, clap::Args)]
pub(crate) struct DataDirFlag {
    /// Keep the data there, whatever `runtime.data_dir` says
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

impl DataDirFlag {
    /// The flag as a setting.
    pub(crate) fn setting(&self) -> Result<Option<(String, String)>, Failure> {
        let Some(path) = &self.data_dir else { return Ok(None) };
        let text = path.to_str().ok_or_else(|| {
            Failure::new(crate::exit::Exit::Usage, "--data-dir must be UTF-8 text; choose another name")
        })?;
        Ok(Some(("runtime.data_dir".to_owned(), text.to_owned())))
    }
}
