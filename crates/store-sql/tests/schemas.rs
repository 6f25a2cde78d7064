//! Tables that are brought up to date, or only looked at, without a store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod server;

use leasehold_store::SchemaVersion;
use leasehold_store_sql::{OpenError, Place, SCHEMAS, Schema};

use server::Database;

fn none(schema: &Schema) -> SchemaVersion {
    SchemaVersion { found: 0, known: schema.known() }
}

fn newest(schema: &Schema) -> SchemaVersion {
    SchemaVersion { found: schema.known(), known: schema.known() }
}

#[test]
fn every_service_has_a_name_of_its_own_and_steps() {
    let mut names: Vec<_> = SCHEMAS.iter().map(Schema::service).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), SCHEMAS.len());
    assert!(SCHEMAS.iter().all(|schema| schema.known() > 0 && none(schema).is_pending()));
}

#[tokio::test]
async fn looking_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::new().await;
    for schema in SCHEMAS {
        let file = directory.path().join(format!("{}.db", schema.service()));
        assert_eq!(schema.look(&Place::File(file.clone())).await.unwrap(), none(schema));
        assert!(!file.exists());
        assert_eq!(schema.look(&database.place()).await.unwrap(), none(schema));
    }
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$|^public$'";
    assert_eq!(database.run(schemas).unwrap(), "0");
}

#[tokio::test]
async fn several_at_once_make_one_schema() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::new().await;
    for schema in SCHEMAS {
        let place = database.place();
        let (one, other, third) =
            tokio::join!(schema.migrate(&place), schema.migrate(&place), schema.migrate(&place));
        let mut before = [one.unwrap().found, other.unwrap().found, third.unwrap().found];
        before.sort_unstable();
        assert_eq!(before, [0, schema.known(), schema.known()], "one of them has done it");
        assert_eq!(schema.look(&place).await.unwrap(), newest(schema));

        let place = Place::File(directory.path().join(schema.service()));
        assert_eq!(schema.migrate(&place).await.unwrap(), none(schema));
        assert_eq!(schema.migrate(&place).await.unwrap(), newest(schema));
        assert_eq!(schema.look(&place).await.unwrap(), newest(schema));
    }
}

#[tokio::test]
async fn newer_tables_are_refused_by_either() {
    let database = Database::new().await;
    for schema in SCHEMAS {
        schema.migrate(&database.place()).await.unwrap();
        let service = schema.service();
        database.run(&format!("INSERT INTO {service}.schema_versions VALUES (99, 'later', '')")).unwrap();
        for error in [schema.look(&database.place()).await, schema.migrate(&database.place()).await] {
            let error = error.unwrap_err();
            assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn who_may_only_read_and_write_can_use_what_is_up_to_date() {
    let database = Database::new().await;
    let Place::Postgres { url, max_connections, .. } = database.place() else { panic!("it is on a server") };
    let name = url.rsplit_once('/').unwrap().1.to_owned();
    let role = format!("writer_{name}");
    database.run(&format!("CREATE ROLE {role} LOGIN; REVOKE CREATE ON DATABASE {name} FROM PUBLIC")).unwrap();
    let url = url.replace("postgres@", &format!("{role}@"));
    let writer = Place::Postgres { url, password: None, max_connections };
    for schema in SCHEMAS {
        let error = schema.migrate(&writer).await.unwrap_err().to_string();
        assert!(error.contains("permission denied"), "{error}");
        schema.migrate(&database.place()).await.unwrap();
        let service = schema.service();
        let grant = format!(
            "GRANT USAGE ON SCHEMA {service} TO {role}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {service} TO {role}"
        );
        database.run(&grant).unwrap();
        assert_eq!(schema.migrate(&writer).await.unwrap(), newest(schema));
        assert_eq!(schema.look(&writer).await.unwrap(), newest(schema));
    }
}
