//! An embedded server as a service: the unit, where it is put, what systemd is told, and what is refused. systemd itself is
//! played by a script that notes what it was told.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Ended, Place, ended, exists};

/// What `systemctl` notes, and what it answers.
const SYSTEMCTL: &str = "#!/bin/sh\necho \"$@\" >> \"$(dirname \"$0\")/told\"\ncase \"$*\" in *show\\ --property*) printf '%s' \"$STATE\";; esac\n";
const RUNS: &str = "ActiveState=active\nSubState=running\nUnitFileState=enabled\nMainPID=42\nNRestarts=1\nStateChangeTimestamp=now\n";

/// A place with a home of its own and a script for systemd.
fn place() -> Place {
    let place = Place::new();
    fs::create_dir_all(place.path("bin")).unwrap();
    place.write("bin/systemctl", SYSTEMCTL);
    fs::set_permissions(place.path("bin/systemctl"), Permissions::from_mode(0o755)).unwrap();
    place
}

/// `leasehold service`, of a user whose home is in this place.
fn service(place: &Place, args: &[&str]) -> Ended {
    let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = place.command(["service"].iter().chain(args));
    command.env("HOME", place.path("home")).env_remove("XDG_CONFIG_HOME").env_remove("XDG_STATE_HOME");
    ended(command.env("PATH", path).env("STATE", RUNS))
}

/// What systemd was told so far.
fn told(place: &Place) -> Vec<String> {
    let told = fs::read_to_string(place.path("bin/told")).unwrap_or_default();
    told.lines().map(str::to_owned).collect()
}

#[test]
fn a_users_service_is_installed_once_started_shown_and_taken_away() {
    let place = place();
    let said = service(&place, &["install", "--user"]).expect(0).stderr;
    assert!(said.contains("leasehold service start --user"), "{said}");
    let unit = place.path("home/.config/systemd/user/leasehold.service");
    let text = fs::read_to_string(&unit).unwrap();
    let data = place.path("home/.local/state/leasehold");
    assert!(
        text.contains(&format!("--data-dir {}", data.display())) && text.contains("Type=notify"),
        "{text}"
    );
    assert!(exists(&data.join("format")) && exists(&data.join("master.key")), "the data directory is made");
    assert_eq!(
        told(&place),
        ["--user show-environment", "--user daemon-reload", "--user enable leasehold.service"]
    );

    service(&place, &["install", "--user"]).expect(0);
    fs::write(&unit, text.clone() + "# mine\n").unwrap();
    service(&place, &["install", "--user"]).expect_error(6, &["differs", "nothing was changed", "--force"]);
    assert!(fs::read_to_string(&unit).unwrap().ends_with("# mine\n"));
    service(&place, &["install", "--user", "--force"]).expect(0);
    assert_eq!(fs::read_to_string(&unit).unwrap(), text);

    service(&place, &["start", "--user"]).expect(0);
    assert_eq!(told(&place).last().unwrap(), "--user start leasehold.service");
    let shown = service(&place, &["status", "--user", "-o", "json"]).expect(0).json();
    let row = &shown["services"][0];
    assert_eq!((&row["state"], &row["pid"], &row["restarts"]), (&"active".into(), &42.into(), &1.into()));
    service(&place, &["uninstall", "--user"]).expect(0);
    assert!(
        told(&place).contains(&"--user disable --now leasehold.service".to_owned()),
        "{:?}",
        told(&place)
    );
    assert!(!exists(&unit) && exists(&data.join("format")), "data stays");
    service(&place, &["stop", "--user"])
        .expect_error(3, &["there is no service leasehold", "install --user"]);
}

#[test]
fn an_image_gets_its_unit_without_a_system_that_runs() {
    let place = place();
    let root = place.path("image").display().to_string();
    service(&place, &["install", "--root", &root, "--name", "site-2", "--program", "/usr/bin/leasehold"])
        .expect(0);
    let text = fs::read_to_string(place.path("image/etc/systemd/system/site-2.service")).unwrap();
    for part in [
        "ExecStart=/usr/bin/leasehold serve --data-dir /var/lib/site-2",
        "DynamicUser=yes",
        "StateDirectory=site-2",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(exists(&place.path("image/var/lib/site-2/format")));
    assert_eq!(told(&place), [format!("--root={root} enable site-2.service")]);
}

#[test]
fn printing_changes_nothing_and_takes_the_configuration_along() {
    let place = place();
    let file = place.write(
        "leasehold.toml",
        "[licensing]\nlisten = \"127.0.0.1:80\"\n[runtime]\nshutdown_grace = \"1min\"\n",
    );
    let text = service(&place, &["install", "--print"]).expect(0).stdout;
    let command =
        format!("serve -c {} --data-dir /var/lib/leasehold", fs::canonicalize(file).unwrap().display());
    for part in [command.as_str(), "AmbientCapabilities=CAP_NET_BIND_SERVICE", "TimeoutStopSec=80"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(told(&place).is_empty() && !exists(&place.path("home")));
}

#[test]
fn what_cannot_be_a_service_is_refused_with_what_to_do() {
    let place = place();
    service(&place, &["install", "--data-dir", "mine"]).expect_error(2, &["--run-as"]);
    service(&place, &["install", "--run-as", "kim", "--data-dir", "mine"])
        .expect_error(1, &["sudo -u kim leasehold init"]);
    service(&place, &["install", "--user", "--name", "Ä"]).expect_error(2, &["lower-case letters"]);
    place.write("leasehold.toml", "[postgres]\nurl = \"postgres://db/x\"\n");
    service(&place, &["install", "--user"]).expect_error(2, &["postgres.url is set"]);
    fs::remove_file(place.path("leasehold.toml")).unwrap();
    place.write(
        "bin/systemctl",
        "#!/bin/sh\necho 'System has not been booted with systemd as init system' >&2\nexit 1\n",
    );
    service(&place, &["install", "--user"]).expect_error(7, &["systemd does not run", "--print"]);
    assert!(!exists(&place.path("home")), "nothing is made");
}
