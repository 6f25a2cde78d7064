//! `leasehold init`: the data directory of an embedded server, and a configuration file to start from.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use leasehold::app::{self, Created};
use leasehold_client::ConnectionFile;
use leasehold_runtime::SystemClock;
use leasehold_runtime::config::DEFAULTS;

use super::client_config::{addresses, write_new};
use super::settings::{DataDirFlag, Files};
use crate::exit::{Exit, Failure};
use crate::output::print;

/// The configuration file that every command reads where none is given.
const CONFIG_FILE: &str = "leasehold.toml";

/// The connection file for clients of this server.
const CONNECTION_FILE: &str = "leasehold-connection.json";

/// How the configuration file begins.
const HEADER: &str = "\
# The configuration of this Leasehold server: every setting with its default, commented out. Take the `#` away
# in front of a setting to change it. `leasehold config check` shows what is in force.
#
";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    data_dir: DataDirFlag,
    #[command(flatten)]
    files: Files,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let implied = args.files.are_implied();
    let config = args.files.load(args.data_dir.setting()?.into_iter().collect())?;
    let path = &config.runtime.data_dir;
    let created = app::create_data_dir(path, Arc::new(SystemClock::new())).await;
    let created = created.map_err(|error| {
        Failure::new(if error.is_taken() { Exit::Unavailable } else { Exit::Error }, error)
    })?;
    let Created::Now(instance) = created else {
        let text = format!(
            "the data directory {} is there already; nothing was changed. Start it with `leasehold serve`, or \
             name another with --data-dir",
            path.display()
        );
        return Err(Failure::new(Exit::Conflict, text));
    };
    let mut text =
        format!("Created the data directory {} with the default instance {instance}.\n", path.display());
    let wrote = implied
        && write_new(Path::new(CONFIG_FILE), &commented(DEFAULTS, args.data_dir.data_dir.as_deref()))?;
    if wrote {
        let _ = writeln!(text, "Wrote {CONFIG_FILE}: every setting with its default, commented out.");
    }
    // Without TLS there is nothing in it but addresses; where they are not known yet, it can be made later.
    if let Ok(addresses) = addresses(&config) {
        let connection = ConnectionFile::new(&addresses, None).to_json();
        if implied && config.tls.certificate.is_none() && write_new(Path::new(CONNECTION_FILE), &connection)?
        {
            let _ = writeln!(text, "Wrote {CONNECTION_FILE}: how clients on this machine reach the server.");
        }
    }
    let flag = match &args.data_dir.data_dir {
        Some(path) if !wrote => format!(" --data-dir {}", path.display()),
        _ => String::new(),
    };
    let _ = write!(
        text,
        "\nNext, start the server:\n  leasehold serve{flag}\nThen, while it runs, make it known to your vendor with the \
         file that you got, and fetch your rights:\n  leasehold sync enrol --file FILE\n  leasehold sync now\n"
    );
    print(&text)
}

/// The defaults with every setting commented out but the data directory, where one was chosen.
fn commented(defaults: &str, data_dir: Option<&Path>) -> String {
    // Of its head only the last paragraph, how values are written, is for a file of the user's own.
    let (head, settings) = defaults.split_once("\n\n").unwrap_or(("", defaults));
    let head = head.rsplit("\n#\n").next().unwrap_or_default();
    let mut text = format!("{HEADER}{head}\n\n");
    for line in settings.lines() {
        let is_setting = line.starts_with(|first: char| first.is_ascii_lowercase());
        match data_dir {
            Some(path) if line.starts_with("data_dir =") => {
                let _ = writeln!(text, "data_dir = {:?}", path.display().to_string());
            }
            _ if is_setting => {
                let _ = writeln!(text, "#{line}");
            }
            _ => {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_commented_out() {
        let text = commented(DEFAULTS, None);
        let active: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert!(active.iter().all(|line| line.starts_with('[')), "{active:?}");
        assert!(text.starts_with("# The configuration of this") && !text.contains("built-in configuration"));
        assert!(text.contains("\n# Durations are text with units"));
        assert!(active.contains(&"[licensing]") && text.contains("\n#lease_ttl = \"10min\"\n"));
    }

    #[test]
    fn a_chosen_data_directory_is_set() {
        let text = commented(DEFAULTS, Some(Path::new("/srv/a \"b\"")));
        assert!(
            text.contains("\ndata_dir = \"/srv/a \\\"b\\\"\"\n") && !text.contains("#data_dir"),
            "{text}"
        );
    }
}
