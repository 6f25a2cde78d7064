//! The console in a browser: Chromium goes through it, and whatever it or axe complains of fails the test.
//!
//! What is done and asked on each page is in `tests/browser/console.mjs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use leasehold_testkit::Process;
use serde_json::Value;

use crate::calls::{Licensing, check_out, request};
use crate::commands::{Place, Site};
use crate::server::channel;

/// Longer than every page takes in every look, on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(10);
/// Names the folder with the packages that drive and judge a browser.
const MODULES: &str = "LEASEHOLD_TEST_BROWSER_MODULES";

/// The folder of the packages; one that is named has to have them.
fn modules() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os(MODULES)?);
    let there = folder.join("node_modules/playwright-core").is_dir();
    assert!(there, "{MODULES} leads to {}, where playwright-core is not", folder.display());
    Some(folder)
}

/// Where the console is, and the code for its first administrator.
fn console(site: &Site<'_>) -> (String, String) {
    let log = site.log();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let said = |message: &str, field: &str| {
        let line =
            lines.iter().find(|line| line["message"].as_str().is_some_and(|text| text.contains(message)));
        let value = line.and_then(|line| line[field].as_str());
        value.unwrap_or_else(|| panic!("no {field} of {message:?} in {log}")).to_owned()
    };
    let address = said("gateway is ready", "address");
    (format!("http://{address}/"), said("nobody can sign in", "code"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_finds_the_way_through_the_console_and_nobody_is_left_out() {
    let Some(modules) = modules() else {
        eprintln!("SKIPPED: nobody drives a browser; `cargo xtask test` brings what does and sets {MODULES}");
        return;
    };
    let mut place = Place::with_vendor(true).await;
    place.settings.push(("LEASEHOLD__LICENSING__ALLOW_DEVICE_DROP", "true"));
    place.sell("plant", 3);
    let site = place.site("plant").await;
    site.sync(&["enrol", "--file", "../plant.json"]).unwrap();
    site.sync(&["now"]).unwrap();
    // A grant that nobody renews and that outlives the test.
    check_out(&mut Licensing::new(channel(site.port)), request("ws-1", &[("cad", 2)])).await;

    let (url, code) = console(&site);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console");
    let mut command = Command::new("node");
    command.arg(folder.join("console.mjs")).args(["--url", &url, "--code", &code]);
    command.arg("--shots").arg(&shots).env(MODULES, modules);
    let mut process = Process::spawn(command).unwrap();
    let status = process.wait(PATIENCE).await.unwrap();
    assert!(status.success(), "{status}\n{}\n{}", process.stdout(), process.stderr());
    // Nothing that somebody did in the browser went wrong behind it.
    let failed = site.log().lines().find(|line| line.contains("\"level\":\"ERROR\"")).map(str::to_owned);
    assert_eq!(failed, None);
}
