//! Opening databases: what is refused, and what stays as it was.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod server;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use leasehold_domain::InstanceId;
use leasehold_store::LicensingStore;
use leasehold_store::conformance::sample;
use leasehold_store::licensing::{Instance, Standing};
use leasehold_store_postgres::{OpenError, PostgresLicensingStore, Settings, schema};
use leasehold_testkit::Postgres;

use server::Database;

fn instance() -> Instance {
    Instance { id: InstanceId(sample::uuid(1)), name: "main".to_owned(), is_default: true }
}

/// A database that a store has set up.
async fn set_up() -> Database {
    let database = Database::new().await;
    let store = database.open().await;
    store.create_instance(&instance()).await.unwrap();
    store.close().await;
    database
}

async fn refusal(settings: &Settings) -> OpenError {
    PostgresLicensingStore::open(settings).await.err().unwrap()
}

#[tokio::test]
async fn replicas_that_start_together_set_up_one_schema() {
    let database = Database::new().await;
    let settings = database.settings();
    let stores = futures::future::join_all((0..4).map(|_| PostgresLicensingStore::open(&settings))).await;
    let mut stores = stores.into_iter().map(Result::unwrap);
    let first = stores.next().unwrap();
    first.create_instance(&instance()).await.unwrap();
    for store in stores {
        assert_eq!(store.instances().await.unwrap(), [instance()]);
    }
}

#[tokio::test]
async fn opening_again_changes_nothing() {
    let database = set_up().await;
    let versions = "SELECT * FROM licensing.schema_versions ORDER BY version";
    let before = database.run(versions).unwrap();
    assert_eq!(database.open().await.instances().await.unwrap(), [instance()]);
    assert_eq!(database.run(versions).unwrap(), before);
}

#[tokio::test]
async fn what_the_step_before_has_kept_is_taken_and_what_its_release_calls_stays() {
    let database = set_up().await;
    database
        .run(
            "DELETE FROM licensing.schema_versions WHERE version = 5; \
             DROP FUNCTION licensing.load_turn, licensing.open_turn, licensing.found; \
             DROP TABLE licensing.notices, licensing.usage_tallies, licensing.denial_tallies, licensing.held; \
             ALTER TABLE licensing.instances \
                  DROP suspension, DROP suspended_at, DROP suspended_by, DROP notices_number",
        )
        .unwrap();
    let of_before = "SELECT octet_length(licensing.open_batch(1)), \
                            (SELECT octet_length(content) FROM licensing.load_batch(1, '1000', '{}', '{}', '{}', '{}', '{}', \
                                                                              '{}', '{}') WHERE kind = 0)";
    let lengths = database.run(of_before).unwrap();
    let store = database.open().await;
    assert_eq!(store.instances().await.unwrap(), [instance()]);
    assert_eq!(store.standing(instance().id).await.unwrap(), Standing::default());
    assert_eq!(database.run(of_before).unwrap(), lengths, "replicas of the release before read it as ever");
}

#[tokio::test]
async fn somebody_elses_schema_is_refused() {
    for sql in [
        "CREATE SCHEMA licensing; CREATE TABLE licensing.letters (id int)",
        "CREATE SCHEMA licensing; CREATE FUNCTION licensing.one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ] {
        let database = Database::new().await;
        database.run(sql).unwrap();
        let error = refusal(&database.settings()).await;
        assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
        let found = database.run("SELECT to_regclass('licensing.schema_versions') IS NULL").unwrap();
        assert_eq!(found, "t", "nothing was added");
    }
}

#[tokio::test]
async fn an_empty_schema_is_taken() {
    let database = Database::new().await;
    database.run("CREATE SCHEMA licensing").unwrap();
    database.open().await.ping().await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_both_versions() {
    let database = set_up().await;
    database.run("INSERT INTO licensing.schema_versions VALUES (77, 'later', '')").unwrap();
    let error = refusal(&database.settings()).await;
    assert!(matches!(error, OpenError::Newer { found: 77, .. }), "{error:?}");
    let text = error.to_string();
    for part in ["version 77", "versions up to", "upgrade Leasehold", "nothing was changed"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_step_that_differs_is_refused() {
    let database = set_up().await;
    database.run("UPDATE licensing.schema_versions SET checksum = '' WHERE version = 2").unwrap();
    let error = refusal(&database.settings()).await;
    assert!(matches!(error, OpenError::Changed { version: 2, .. }), "{error:?}");
}

#[tokio::test]
async fn a_user_without_rights_is_told_what_is_missing() {
    let database = Database::new().await;
    database.run("CREATE ROLE guest LOGIN").unwrap();
    let mut settings = database.settings();
    settings.url = settings.url.replace("postgres@", "guest@");
    let error = refusal(&settings).await;
    assert!(matches!(error, OpenError::NotAllowed { .. }), "{error:?}");
    assert!(error.to_string().contains("owner"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_let_us_in_is_named_and_the_password_is_not() {
    let database = Database::new().await;
    let settings = database.settings();
    let nobody = settings.url.replace("postgres@", "nobody:s3cret@");
    let missing = format!("{}_missing", settings.url.replace("postgres@", "postgres:s3cret@"));
    for (url, remedy) in [(nobody, "`createuser nobody`"), (missing, "`createdb --owner postgres test_")] {
        let settings = Settings { password: Some("s3cret".to_owned()), ..Settings::new(url) };
        let error = refusal(&settings).await;
        assert!(matches!(error, OpenError::Refused { .. }) && !error.may_pass(), "{error:?}");
        assert!(error.to_string().contains("127.0.0.1:"), "{error}");
        assert!(error.to_string().contains(remedy), "{error}");
        for text in [error.to_string(), format!("{error:?}"), format!("{settings:?}")] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_and_never_printed() {
    let mut server = Postgres::start().await.unwrap();
    let rules = "DO $$ BEGIN EXECUTE format('COPY (SELECT %L) TO %L', \
         'host all all 127.0.0.1/32 scram-sha-256', current_setting('hba_file')); END $$";
    let ran =
        server.psql(["-c", "CREATE ROLE kim LOGIN PASSWORD 'right-one'", "-c", rules]).status().unwrap();
    assert!(ran.success());
    server.stop().await.unwrap();
    server.start_again().await.unwrap();
    let url = server.url().replace("postgres@", "kim@");
    for password in [None, Some("wrong-one".to_owned())] {
        let error = refusal(&Settings { password, ..Settings::new(url.clone()) }).await;
        assert!(matches!(error, OpenError::Refused { .. }) && !error.may_pass(), "{error:?}");
        let told = error.to_string();
        assert!(told.contains("kim") && told.contains("postgres.password_file"), "{told}");
        assert!(!format!("{told} {error:?}").contains("wrong-one"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_has_no_connection_left_may_have_one_later() {
    let one = [("max_connections", "1"), ("superuser_reserved_connections", "0")];
    let server = Postgres::start_with(&one).await.unwrap();
    let mut holder = server.psql(["-c", "SELECT 'in'", "-c", "SELECT pg_sleep(600)"]);
    let mut holder = holder.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "in\n");
    let error = refusal(&Settings::new(server.url())).await;
    assert!(matches!(error, OpenError::Cannot { .. }) && error.may_pass(), "{error:?}");
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[tokio::test]
async fn where_nobody_listens_opening_says_so() {
    let port = leasehold_testkit::free_port().unwrap();
    let settings = Settings::new(format!("postgres://kim:s3cret@127.0.0.1:{port}/licences"));
    let error = refusal(&settings).await;
    assert!(matches!(error, OpenError::Cannot { .. }) && error.may_pass(), "{error:?}");
    let text = error.to_string();
    for part in ["licences", &port.to_string(), "check that PostgreSQL runs there"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = Settings::new(format!("postgres://x@{}/x", silent.local_addr().unwrap()));
    settings.acquire_timeout = Duration::from_millis(100);
    let error = refusal(&settings).await;
    assert!(matches!(error, OpenError::Cannot { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_no_address_is_said_to_be_none() {
    for url in ["", "mysql://x@h/db", "postgres://x:s3cret@h:port/db", "/var/lib/licences"] {
        let error = refusal(&Settings::new(url)).await;
        assert!(matches!(error, OpenError::Address { .. }), "{url}: {error:?}");
        assert!(error.to_string().contains("postgres://user@host:5432/database"), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_closed_store_says_that_it_does_not_answer() {
    let database = set_up().await;
    let store = database.open().await;
    store.ping().await.unwrap();
    store.close().await;
    assert!(store.ping().await.unwrap_err().is_passing());
    assert!(store.create_instance(&instance()).await.unwrap_err().is_passing());
    store.close().await;
}

#[tokio::test]
async fn nobody_can_make_commits_less_durable_for_us() {
    let database = set_up().await;
    database.run("ALTER ROLE postgres SET synchronous_commit = off").unwrap();
    let store = database.open().await;
    // The first batch's connection is still there when it is asked for.
    store.begin(instance().id).await.unwrap().load_rights().await.unwrap();
    database
        .run(
            "CREATE TABLE public.seen AS SELECT 1; \
             CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF current_setting('synchronous_commit') <> 'on' THEN RAISE EXCEPTION 'not durable'; END IF; \
                 RETURN new; END $$; \
             CREATE TRIGGER note BEFORE INSERT ON licensing.instances FOR EACH ROW EXECUTE FUNCTION public.note()",
        )
        .unwrap();
    let other = Instance { id: InstanceId(sample::uuid(2)), name: "b".to_owned(), is_default: false };
    store.create_instance(&other).await.unwrap();
    database.run("ALTER ROLE postgres RESET synchronous_commit").unwrap();
}

#[tokio::test]
async fn the_schema_can_be_looked_at_and_brought_up_to_date_without_a_store() {
    let database = Database::new().await;
    let settings = database.settings();
    let none = schema::look(&settings).await.unwrap();
    assert!(none.found == 0 && none.is_pending());
    assert_eq!(
        database.run("SELECT to_regnamespace('licensing') IS NULL").unwrap(),
        "t",
        "looking makes nothing"
    );

    let (one, other) = tokio::join!(schema::migrate(&settings), schema::migrate(&settings));
    let mut before = [one.unwrap().found, other.unwrap().found];
    before.sort_unstable();
    assert_eq!(before, [0, none.known], "one of them has done it");
    let newest = schema::look(&settings).await.unwrap();
    assert!(newest.found == none.known && !newest.is_pending());

    database.run("DELETE FROM licensing.schema_versions WHERE version = 5").unwrap();
    assert_eq!(schema::look(&settings).await.unwrap().found, 4);
    database.run("INSERT INTO licensing.schema_versions VALUES (77, 'later', '')").unwrap();
    for refused in [schema::look(&settings).await, schema::migrate(&settings).await] {
        assert!(matches!(refused, Err(OpenError::Newer { found: 77, .. })), "{refused:?}");
    }
}
