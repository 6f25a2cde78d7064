use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_domain::Policies;
use leasehold_domain::interval::Granularity;
use tempfile::TempDir;

use secrecy::ExposeSecret as _;

use super::*;

/// Loads `text` as `leasehold.toml` and gives the configuration or the error without the directory.
fn load(text: &str) -> Result<Config, String> {
    load_with(text, &[], &[])
}

fn load_with(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, String> {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("leasehold.toml");
    fs::write(&file, text).unwrap();
    let sources = Sources {
        files: vec![file],
        environment: environment.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        flags: flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        ..Sources::default()
    };
    Config::load(&sources).map_err(|error| {
        let shown = format!("{}{}", directory.path().display(), std::path::MAIN_SEPARATOR);
        error.to_string().replace(&shown, "")
    })
}

#[test]
fn the_defaults_are_complete_and_those_of_the_rules() {
    let config = Config::load(&Sources { directory: "/nowhere".into(), ..Sources::default() }).unwrap();
    assert_eq!(config.licensing.policies(), Policies::default());
    assert_eq!(config.licensing.listen, "127.0.0.1:16770".parse().unwrap());
    assert_eq!(config.licensing.max_message_size, 4 << 20);
    assert_eq!((config.licensing.queue_capacity, config.licensing.max_batch), (16_384, 1_024));
    assert_eq!(config.licensing.request_id_retention, SignedDuration::from_hours(24));
    assert_eq!(config.licensing.activity_retention, SignedDuration::from_hours(400 * 24));
    assert_eq!(config.runtime.shutdown_grace, Duration::from_secs(10));
    assert_eq!(config.runtime.data_dir, PathBuf::from("leasehold-data"));
    assert_eq!(config.runtime.advertised_addresses, [""; 0]);
    assert_eq!((config.logging.level.as_str(), config.logging.format), ("info", LogFormat::Auto));
    let logging = &config.logging;
    assert_eq!((&logging.file, logging.file_size, logging.file_keep), (&None, 64 << 20, 5));
    assert_eq!(config.admin.listen, Some("127.0.0.1:9090".parse().unwrap()));
    assert_eq!((&config.telemetry.otlp_endpoint, config.telemetry.sample_percent), (&None, 10));
    assert_eq!(config.sync.listen, "127.0.0.1:16772".parse().unwrap());
    assert_eq!((config.sync.interval, &config.sync.vendor_ca), (SyncInterval::Off, &None));
    assert_eq!(config.backoffice.listen, "127.0.0.1:16780".parse().unwrap());
    assert_eq!((&config.services.licensing, &config.services.sync), (&None, &None));
    assert_eq!(config.gateway.listen, "127.0.0.1:7070".parse().unwrap());
    assert!(config.gateway.trusted_proxies.is_empty() && config.gateway.certificate.is_none());
    assert_eq!(config.gateway.session_idle, SignedDuration::from_mins(30));
    assert!(config.security.master_key().is_none() && config.sync.hostids.is_empty());
    assert!(config.effective().iter().all(|row| row.origin == Origin::Default));
    assert_eq!(config.effective().len(), 77);
}

#[test]
fn every_default_has_a_comment() {
    let mut commented = false;
    for line in DEFAULTS.lines() {
        if !line.starts_with('#') && !line.starts_with('[') && !line.is_empty() {
            assert!(commented, "{line}");
        }
        commented = line.starts_with('#');
    }
}

#[test]
fn values_of_every_type_are_read() {
    let config = load(
        r#"
            runtime.advertised_addresses = ["licences.example.com", "10.0.0.7:16770", "[fe80::1]:1", "::1", "lm1:80"]
            runtime.shutdown_grace = "0s"
            [logging]
            level = "warn,leasehold_licensing=debug"
            format = "json"
            file = "logs/server.log"
            file_size = "1GiB"
            [admin]
            listen = ""
            [telemetry]
            otlp_endpoint = "http://collector.example:4317/"
            sample_percent = 0
            [licensing]
            listen = "[::]:0"
            max_message_size = 65536
            lease_ttl = "1h 30min"
            borrow_interval_max = "2w"
            borrow_granularity = "DAY"
            renew_interval_percent = 100
            allow_virtual_clients = false
            time_zone = "Europe/Berlin"
        "#,
    )
    .unwrap();
    assert_eq!(config.runtime.advertised_addresses.len(), 5);
    assert_eq!(config.runtime.shutdown_grace, Duration::ZERO);
    assert_eq!(config.logging.format, LogFormat::Json);
    assert_eq!((config.logging.file, config.logging.file_size), (Some("logs/server.log".into()), 1 << 30));
    assert_eq!(config.admin.listen, None);
    assert_eq!(config.telemetry.otlp_endpoint.as_deref(), Some("http://collector.example:4317/"));
    assert_eq!(config.licensing.listen, "[::]:0".parse().unwrap());
    assert_eq!(config.licensing.max_message_size, 65_536);
    assert_eq!(config.licensing.lease_ttl, SignedDuration::from_mins(90));
    assert_eq!(config.licensing.borrow_interval_max, Some(SignedDuration::from_hours(14 * 24)));
    assert_eq!(config.licensing.borrow_granularity, Granularity::Day);
    assert_eq!(config.licensing.renew_interval_percent, 100);
    assert!(!config.licensing.allow_virtual_clients);
    assert_eq!(config.licensing.time_zone.iana_name(), Some("Europe/Berlin"));
}

#[test]
fn certificates_and_callers_are_read() {
    let config = load(
        r#"
            [tls]
            certificate = "tls/licensing.pem"
            client_auth = "required"
            reload_interval = "1h"
            [security]
            callers = ["billing.example.com = gateway", "spiffe://site/ns=x = sync"]
        "#,
    )
    .unwrap();
    assert_eq!(config.tls.certificate.as_deref(), Some(Path::new("tls/licensing.pem")));
    assert_eq!((config.tls.key, config.tls.client_ca), (None, None));
    assert_eq!(config.tls.client_auth, ClientAuth::Required);
    assert_eq!(config.tls.reload_interval, Duration::from_hours(1));
    assert!(!config.security.allow_plaintext);
    let caller = |name: &str, service: &str| CallerName { name: name.into(), service: service.into() };
    let callers = [caller("billing.example.com", "gateway"), caller("spiffe://site/ns=x", "sync")];
    assert_eq!(config.security.callers, callers);
}

#[test]
fn later_sources_overrule_earlier_ones_and_say_so() {
    let file = "[licensing]\nlease_ttl = '20min'\nmax_batch = 10\nqueue_capacity = 99\n";
    let environment = [
        ("LEASEHOLD__LICENSING__MAX_BATCH", "20"),
        ("LEASEHOLD__LICENSING__QUEUE_CAPACITY", "100"),
        ("LEASEHOLD__LICENSING__ALLOW_DEVICE_DROP", "true"),
        ("LEASEHOLD__RUNTIME__ADVERTISED_ADDRESSES", "a.example, b.example:1"),
        ("LEASEHOLD_SERVER", "not a setting"),
        ("PATH", "/bin"),
    ];
    let config = load_with(file, &environment, &[("licensing.queue_capacity", "101")]).unwrap();
    assert_eq!(config.licensing.lease_ttl, SignedDuration::from_mins(20));
    assert_eq!((config.licensing.max_batch, config.licensing.queue_capacity), (20, 101));
    assert!(config.licensing.allow_device_drop);
    assert_eq!(config.runtime.advertised_addresses, ["a.example", "b.example:1"]);

    let row = |key: &str| config.effective().iter().find(|row| row.key == key).unwrap();
    assert!(
        matches!(&row("licensing.lease_ttl").origin, Origin::File { line: 2, path } if path.ends_with("leasehold.toml"))
    );
    assert_eq!(row("licensing.lease_ttl").value, "20min");
    let variable = Origin::Environment { name: "LEASEHOLD__LICENSING__MAX_BATCH".into() };
    assert_eq!(
        (&row("licensing.max_batch").origin, row("licensing.max_batch").value.as_str()),
        (&variable, "20")
    );
    assert_eq!(row("licensing.queue_capacity").origin, Origin::Flag);
    assert_eq!(row("runtime.advertised_addresses").value, "a.example, b.example:1");
    assert_eq!(row("licensing.listen").origin, Origin::Default);
    assert!(config.effective().is_sorted_by_key(|row| &row.key));
}

#[test]
fn the_last_file_wins_and_the_file_at_hand_is_found() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("leasehold.toml"), "[licensing]\nmax_batch = 1").unwrap();
    fs::write(path("a.toml"), "[licensing]\nmax_batch = 2\nqueue_capacity = 2").unwrap();
    fs::write(path("b.toml"), "[licensing]\nmax_batch = 3").unwrap();
    let load = |files: Vec<PathBuf>| {
        let sources = Sources { directory: directory.path().to_owned(), files, ..Sources::default() };
        let licensing = Config::load(&sources).unwrap().licensing;
        (licensing.max_batch, licensing.queue_capacity)
    };
    assert_eq!(load(vec![]), (1, 16_384));
    assert_eq!(load(vec![path("a.toml"), path("b.toml")]), (3, 2));
}

/// A file, and what is said about it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "# a comment\n[licensing]\n\nlease_tll = '1h'",
        "unknown key `licensing.lease_tll` in leasehold.toml, line 4 (did you mean `lease_ttl`?)",
    ),
    ("[licensing]\nzzzzzzzzzzzz = 1", "unknown key `licensing.zzzzzzzzzzzz` in leasehold.toml, line 2"),
    (
        "\n[licencing]\nlease_ttl = '1h'",
        "unknown section `licencing` in leasehold.toml, line 2 (did you mean `licensing`?)",
    ),
    (
        "lease_ttl = '1h'",
        "unknown key `lease_ttl` in leasehold.toml, line 1 (did you mean `licensing.lease_ttl`?)",
    ),
    (
        "[runtime]\nlease_ttl = '1h'",
        "unknown key `runtime.lease_ttl` in leasehold.toml, line 2 (did you mean `licensing.lease_ttl`?)",
    ),
    (
        "licensing = 3",
        "`licensing` in leasehold.toml, line 1: this is a section; write `[licensing]` and its keys below",
    ),
    (
        "[licensing.lease_ttl]\nx = 1",
        "`licensing.lease_ttl` in leasehold.toml, line 1: expected text in quotes, found a section",
    ),
    (
        "[logging]\nlevel = true",
        "`logging.level` in leasehold.toml, line 2: expected text in quotes, found true",
    ),
    (
        "[logging]\nlevel = 2026-10-05",
        "`logging.level` in leasehold.toml, line 2: expected text in quotes, found a date or time",
    ),
    (
        "[licensing]\nmax_batch = '7'",
        "`licensing.max_batch` in leasehold.toml, line 2: expected a whole number, found text in quotes",
    ),
    (
        "[licensing]\nmax_batch = 1.5",
        "`licensing.max_batch` in leasehold.toml, line 2: expected a whole number, found a fraction",
    ),
    (
        "[licensing]\nallow_virtual_clients = 'yes'",
        "`licensing.allow_virtual_clients` in leasehold.toml, line 2: expected true or false, found text in quotes",
    ),
    (
        "[runtime]\nadvertised_addresses = ['a', 1]",
        "`runtime.advertised_addresses` in leasehold.toml, line 2: expected a list of texts, found a list of other things than text",
    ),
    // The first in the file, whatever their names.
    ("[licensing]\nb = 1\na = 2", "unknown key `licensing.b` in leasehold.toml, line 2"),
];

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, message) in MISTAKES {
        assert_eq!(load(text).unwrap_err(), *message, "{text}");
    }
}

/// A key, a value, and what is said about it.
const OUT_OF_RANGE: &[(&str, &str, &str)] = &[
    ("licensing.lease_ttl", "'9s'", "give 10s to 24h, for instance `10min`, `24h` or `7d`; found `9s`"),
    ("licensing.lease_ttl", "'2d'", "give 10s to 24h, for instance `10min`, `24h` or `7d`; found `2d`"),
    ("licensing.lease_ttl", "600", "give 10s to 24h, for instance `10min`, `24h` or `7d`; found `600`"),
    ("licensing.lease_ttl", "''", "give 10s to 24h, for instance `10min`, `24h` or `7d`; found ``"),
    (
        "licensing.borrow_interval",
        "'-7d'",
        "give 1s to 3660d, for instance `10min`, `24h` or `7d`; found `-7d`",
    ),
    (
        "licensing.borrow_interval",
        "'1 month'",
        "give 1s to 3660d, for instance `10min`, `24h` or `7d`; found `1 month`",
    ),
    (
        "licensing.activity_retention",
        "'1h'",
        "give 24h to 3660d, for instance `10min`, `24h` or `7d`; found `1h`",
    ),
    (
        "runtime.shutdown_grace",
        "'6min'",
        "give 0s to 5min, for instance `10min`, `24h` or `7d`; found `6min`",
    ),
    ("runtime.data_dir", "''", "give a path"),
    (
        "licensing.max_message_size",
        "'4MB'",
        "give 1KiB to 64MiB, for instance `512KiB` or `4MiB`; found `4MB`",
    ),
    (
        "licensing.max_message_size",
        "'1GiB'",
        "give 1KiB to 64MiB, for instance `512KiB` or `4MiB`; found `1GiB`",
    ),
    ("licensing.max_message_size", "-1", "give 1KiB to 64MiB, for instance `512KiB` or `4MiB`; found `-1`"),
    ("licensing.max_batch", "0", "give 1 to 65536, found 0"),
    ("licensing.queue_capacity", "-5", "give 1 to 1000000, found -5"),
    ("licensing.renew_interval_percent", "101", "give 1 to 100, found 101"),
    ("licensing.renew_interval_percent", "300", "give 1 to 100, found 300"),
    (
        "licensing.borrow_granularity",
        "'second'",
        "give one of `SECOND`, `MINUTE`, `HOUR`, `DAY`; found `second`",
    ),
    ("logging.file_size", "'512KiB'", "give 1MiB to 64GiB, for instance `512KiB` or `4MiB`; found `512KiB`"),
    ("logging.file_keep", "1001", "give 0 to 1000, found 1001"),
    ("telemetry.sample_percent", "-1", "give 0 to 100, found -1"),
    (
        "telemetry.otlp_endpoint",
        "'https://collector:4317/v1'",
        "give `http://HOST:PORT` or `https://HOST:PORT`, for instance `http://127.0.0.1:4317`; found `https://collector:4317/v1`",
    ),
    (
        "admin.listen",
        "'9090'",
        "give an IP address and a port of 0 to 65535, for instance `0.0.0.0:16770` or `[::1]:16770`; found `9090`",
    ),
    ("logging.format", "'xml'", "give one of `auto`, `human`, `json`; found `xml`"),
    (
        "logging.level",
        "'inof'",
        "give off, error, warn, info, debug or trace, and `TARGET=LEVEL` after commas; found `inof`",
    ),
    (
        "licensing.listen",
        "'127.0.0.1:99999'",
        "give an IP address and a port of 0 to 65535, for instance `0.0.0.0:16770` or `[::1]:16770`; found `127.0.0.1:99999`",
    ),
    (
        "licensing.time_zone",
        "'Europe/Atlantis'",
        "no time zone is called `Europe/Atlantis`; give a name such as `Europe/Berlin`, or `UTC`",
    ),
    (
        "runtime.advertised_addresses",
        "['good', 'http://bad']",
        "`http://bad` is not an address; give a host name, `name:16770`, an IPv4 or an IPv6 address, `[::1]:16770`",
    ),
    ("tls.client_auth", "'maybe'", "give one of `required`, `optional`, `none`; found `maybe`"),
    ("tls.reload_interval", "'0s'", "give 1s to 60min, for instance `10min`, `24h` or `7d`; found `0s`"),
    (
        "security.callers",
        "['a = b', 'gateway']",
        "give a name from a certificate and a service, for instance `billing.example.com = gateway`; found `gateway`",
    ),
    (
        "security.callers",
        "['a = two words']",
        "give a name from a certificate and a service, for instance `billing.example.com = gateway`; found `a = two words`",
    ),
];

#[test]
fn values_out_of_range_say_what_to_give() {
    for (key, value, problem) in OUT_OF_RANGE {
        let error = load(&format!("# first\n{key} = {value}\n")).unwrap_err();
        assert_eq!(error, format!("`{key}` in leasehold.toml, line 2: {problem}"));
    }
}

#[test]
fn wrong_variables_and_flags_are_named() {
    let variable = |name: &str, value: &str| load_with("", &[(name, value)], &[]).unwrap_err();
    assert_eq!(
        variable("LEASEHOLD__LICENSING__LEASE_TLL", "1h"),
        "unknown environment variable `LEASEHOLD__LICENSING__LEASE_TLL` (did you mean `LEASEHOLD__LICENSING__LEASE_TTL`?)"
    );
    assert_eq!(
        variable("LEASEHOLD__LICENSING__MAX_BATCH", "many"),
        "`licensing.max_batch` in environment variable LEASEHOLD__LICENSING__MAX_BATCH: expected a whole number, found `many`"
    );
    assert_eq!(
        variable("LEASEHOLD__LICENSING__LEASE_TTL", "1s"),
        "`licensing.lease_ttl` in environment variable LEASEHOLD__LICENSING__LEASE_TTL: give 10s to 24h, for instance `10min`, `24h` or `7d`; found `1s`"
    );
    let flag = |key: &str, value: &str| load_with("", &[], &[(key, value)]).unwrap_err();
    assert_eq!(
        flag("licensing.lisen", "x"),
        "unknown key `licensing.lisen` in the flags (did you mean `licensing.listen`?)"
    );
    assert_eq!(
        flag("licensing.allow_device_drop", "yes"),
        "`licensing.allow_device_drop` in the flags: expected true or false, found `yes`"
    );
}

#[test]
fn files_that_cannot_be_read_have_their_own_errors() {
    let directory = TempDir::new().unwrap();
    let load = |name: &str, bytes: Option<&[u8]>| {
        let file = directory.path().join(name);
        if let Some(bytes) = bytes {
            fs::write(&file, bytes).unwrap();
        }
        Config::load(&Sources { files: vec![file], ..Sources::default() }).unwrap_err()
    };
    assert!(
        matches!(load("absent.toml", None), ConfigError::NoSuchFile { path } if path.ends_with("absent.toml"))
    );
    assert!(matches!(load("", None), ConfigError::Directory { .. }));
    let latin1 = load("latin1.toml", Some(b"[runtime]\n# gr\xfc\xdfe\n"));
    assert!(matches!(latin1, ConfigError::NotUtf8 { line: 2, .. }), "{latin1}");
    let syntax = load("syntax.toml", Some("[licensing]\n# \u{fc}\nlease_ttl = = '1h'\n".as_bytes()));
    assert!(matches!(syntax, ConfigError::Syntax { line: 3, column: 13, .. }), "{syntax}");
    let twice = load("twice.toml", Some(b"[licensing]\nmax_batch = 1\nmax_batch = 2\n"));
    assert!(matches!(twice, ConfigError::Syntax { line: 3, column: 1, .. }), "{twice}");
}

#[test]
fn the_master_key_has_a_short_name_in_the_environment_too() {
    let key = "0f".repeat(32);
    for name in ["LEASEHOLD_MASTER_KEY", "LEASEHOLD__SECURITY__MASTER_KEY"] {
        let environment = vec![(name.into(), key.clone().into())];
        let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
        assert_eq!(
            config.security.master_key().map(|given| given.expose_secret().to_owned()),
            Some(key.clone())
        );
        assert!(config.effective().iter().all(|row| !row.value.contains(&key)), "{name}");
        assert!(!format!("{config:?}").contains(&key), "{name}");
    }
}

#[test]
fn another_kind_of_process_has_another_admin_port_where_nobody_gives_one() {
    let mut config = Config::load(&Sources::default()).unwrap();
    config.set_default_admin_port(9093);
    assert_eq!(config.admin.listen, Some("127.0.0.1:9093".parse().unwrap()));
    for given in ["127.0.0.1:9090", ""] {
        let flags = vec![("admin.listen".to_owned(), given.to_owned())];
        let mut config = Config::load(&Sources { flags, ..Sources::default() }).unwrap();
        let before = config.admin.listen;
        config.set_default_admin_port(9093);
        assert_eq!(config.admin.listen, before, "{given}");
    }
}

#[test]
fn how_often_to_synchronise_is_a_word_or_a_duration() {
    let interval = |text: &str| {
        let flags = vec![("sync.interval".to_owned(), text.to_owned())];
        Config::load(&Sources { flags, ..Sources::default() }).map(|config| config.sync.interval)
    };
    for (text, expected) in [
        ("off", SyncInterval::Off),
        ("hourly", SyncInterval::Every(SignedDuration::from_hours(1))),
        ("weekly", SyncInterval::Every(SignedDuration::from_hours(7 * 24))),
        ("90min", SyncInterval::Every(SignedDuration::from_mins(90))),
    ] {
        assert_eq!(interval(text).unwrap(), expected, "{text}");
    }
    for text in ["never", "30s", "2y"] {
        let error = interval(text).unwrap_err().to_string();
        assert!(error.contains("give `off`, `hourly`, `daily`, `weekly` or a duration"), "{error}");
    }
}

#[test]
fn everything_that_is_wrong_is_found_at_once() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("leasehold.toml");
    fs::write(&file, "[licensing]\nlease_tll = \"1min\"\nlease_ttl = \"1s\"\nmax_batch = 0\n[redis]\npassword_file = \"/nowhere\"\n")
        .unwrap();
    let sources = Sources {
        files: vec![file],
        environment: vec![
            ("LEASEHOLD__ADMIN__LISTEN".into(), "here".into()),
            ("LEASEHOLD__NO".into(), "1".into()),
        ],
        ..Sources::default()
    };
    let found: Vec<String> = Config::problems(&sources).iter().map(ToString::to_string).collect();
    let names = [
        "lease_tll",
        "LEASEHOLD__NO",
        "licensing.lease_ttl",
        "licensing.max_batch",
        "admin.listen",
        "redis.password",
    ];
    for name in names {
        assert_eq!(found.iter().filter(|problem| problem.contains(name)).count(), 1, "{name}: {found:#?}");
    }
    assert_eq!(found.len(), names.len(), "{found:#?}");
    let good = Sources { directory: "/nowhere".into(), ..Sources::default() };
    assert!(Config::problems(&good).is_empty());
}
