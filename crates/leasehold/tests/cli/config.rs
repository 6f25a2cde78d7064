use crate::support::{Place, ended};

#[test]
fn an_unknown_key_is_told_with_its_line_and_the_nearest() {
    let place = Place::new();
    place.write("site.toml", "[licensing]\n\n# short\nlease_tll = \"1min\"\n");
    let parts = ["unknown key `licensing.lease_tll` in site.toml, line 4 (did you mean `lease_ttl`?)"];
    place.leasehold(["config", "check", "-c", "site.toml"]).expect_error(1, &parts);
    place.leasehold(["serve", "-c", "site.toml"]).expect_error(1, &parts);
    place.leasehold(["init", "-c", "site.toml"]).expect_error(1, &parts);
}

#[test]
fn every_value_is_shown_with_its_source() {
    let place = Place::new();
    place.write("leasehold.toml", "[licensing]\nlease_ttl = \"1min\"\nmax_batch = 7\n");
    let mut command = place.command(["config", "check", "-o", "json"]);
    let shown = ended(command.env("LEASEHOLD__LICENSING__MAX_BATCH", "9")).expect(0).json();
    let rows = shown["settings"].as_array().unwrap();
    assert_eq!(shown["total"], rows.len());
    for (key, value, source) in [
        ("licensing.lease_ttl", "1min", "leasehold.toml:2"),
        ("licensing.max_batch", "9", "LEASEHOLD__LICENSING__MAX_BATCH"),
        ("logging.level", "info", "default"),
    ] {
        let row = rows.iter().find(|row| row["key"] == key).unwrap();
        assert_eq!(row["value"], value);
        assert!(row["source"].as_str().unwrap().ends_with(source), "{row}");
    }
    let table = place.leasehold(["config", "check"]).expect(0).stdout;
    assert!(table.starts_with("KEY ") && !table.contains('\u{1b}'), "{table}");
}

#[test]
fn the_defaults_are_a_configuration_file() {
    let place = Place::new();
    let defaults = place.leasehold(["config", "defaults"]).expect(0).stdout;
    place.write("all.toml", &defaults);
    place.leasehold(["config", "check", "-c", "all.toml"]).expect(0);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    Place::new()
        .leasehold(["config", "check", "-c", "nowhere.toml"])
        .expect_error(1, &["nowhere.toml does not exist"]);
}

#[test]
fn the_reference_has_every_setting_with_its_default() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let settings = Place::new().leasehold(["config", "check", "-o", "json"]).expect(0).json();
    let rows = settings["settings"].as_array().unwrap();
    for row in rows {
        let (key, value) = (row["key"].as_str().unwrap(), row["value"].as_str().unwrap());
        // Commands under test get no port that they would fight over.
        let of_the_test = [
            ("admin.listen", "127.0.0.1:9090"),
            ("sync.listen", "127.0.0.1:16772"),
            ("updates.listen", "127.0.0.1:16771"),
            ("updates.http_listen", "127.0.0.1:16773"),
            ("gateway.listen", "127.0.0.1:7070"),
        ]
        .into_iter();
        let default = of_the_test.clone().find(|(name, _)| *name == key).map(|(_, default)| default);
        let value = default.unwrap_or(value);
        assert_eq!(row["source"] == "default", default.is_none(), "{row}");
        let shown = if value.is_empty() { String::new() } else { format!("`{value}` ") };
        assert!(page.contains(&format!("\n| `{key}` | {shown}|")), "{key} = {value}");
    }
    let keys = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed = keys.filter(|key| key.contains('.'));
    assert_eq!(listed.count(), rows.len(), "no more than there are");
}
