//! Tests that no statement walks a table where an index leads to its rows.

use sqlx::{AssertSqlSafe, Row};

use crate::connect::Location;
use crate::open::open;
use crate::tables::{answers, endings, grants, groups, line_items, tallies};
use crate::{batch, floors, lists, store};

/// What the planner says about every statement of a text, beyond how it walks the rows that are handed over.
async fn plan(statements: &str) -> Vec<String> {
    let mut connection = open(&Location::Memory).await.unwrap();
    let uncommented = statements.lines().filter(|line| !line.starts_with("--"));
    let text = uncommented.collect::<Vec<_>>().join("\n");
    let mut steps = Vec::new();
    for statement in text.split(';').map(str::trim).filter(|text| !["", "COMMIT"].contains(text)) {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await.unwrap();
        steps.extend(rows.iter().map(|row| row.get::<String, _>("detail")));
    }
    steps.retain(|step| {
        !step.contains("VIRTUAL TABLE") && step != "SCAN wanted" && step != "CREATE BLOOM FILTER"
    });
    steps
}

/// Every step that touches a table goes by a key of which it knows more than the instance.
async fn goes_by_keys(statements: &str) {
    let steps = plan(statements).await;
    assert!(steps.iter().any(|step| step.starts_with("SEARCH ")), "{steps:#?}");
    for step in &steps {
        assert!(!step.starts_with("SCAN "), "{step} in {statements}\n{steps:#?}");
        assert!(!step.ends_with("(instance=?)"), "{step} in {statements}\n{steps:#?}");
    }
}

/// The rows come in the order of an index, so that a limit ends the walk.
async fn needs_no_sorting(statements: &str) {
    let steps = plan(statements).await;
    assert!(!steps.iter().any(|step| step.starts_with("USE TEMP B-TREE")), "{steps:#?}");
}

#[tokio::test]
async fn batches_go_by_keys() {
    for statements in [
        answers::CLAIM,
        batch::LOAD_HOLDERS,
        line_items::LOAD,
        grants::load!(),
        batch::COMMIT,
        batch::SAVE_RIGHTS,
    ] {
        goes_by_keys(statements).await;
    }
}

#[tokio::test]
async fn background_work_goes_by_keys() {
    for statements in [
        floors::SILENT,
        floors::COUNT_SILENT,
        floors::MOVE,
        endings::AFTER,
        endings::OF,
        endings::FORGET,
        store::OVERDUE,
        store::FORGET_ANSWERS,
        store::FORGET_ACTIVITY,
    ] {
        goes_by_keys(statements).await;
        needs_no_sorting(statements).await;
    }
}

#[tokio::test]
async fn pages_go_by_keys() {
    for statements in [
        lists::GRANTS,
        lists::GRANTS_OF_DEVICE,
        lists::GRANTS_OF_DEVICE_TOTAL,
        lists::DEVICE,
        lists::OF_DEVICE,
        tallies::USAGE,
        tallies::DENIALS,
        tallies::SUMS,
        tallies::HELD,
        tallies::FORGET_USAGE,
        tallies::FORGET_DENIALS,
        tallies::FORGET_HELD,
    ] {
        goes_by_keys(statements).await;
    }
    for statements in [lists::DEVICES, lists::GROUPS, lists::ACTIVITY] {
        needs_no_sorting(statements).await;
        let steps = plan(statements).await;
        assert!(!steps.iter().any(|step| step.ends_with("(instance=?)")), "{steps:#?}");
    }
    goes_by_keys(lists::ACTIVITY_TOTAL).await;
}

#[tokio::test]
async fn what_belongs_to_a_row_is_found_by_key() {
    for (statements, own) in [(line_items::ALL, " i "), (groups::ALL, " g ")] {
        let steps = plan(statements).await;
        let mut others = steps.iter().filter(|step| step.starts_with("SEARCH ") && !step.contains(own));
        assert!(others.all(|step| !step.ends_with("(instance=?)")), "{steps:#?}");
    }
}
