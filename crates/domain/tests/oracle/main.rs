//! The oracle: the allocation core against a naive model, over random small estates and what happens to them.
//!
//! 20,000 cases, 10,000 a test; or as many a test as `PROPTEST_CASES` says.

mod answers;
mod both;
mod checks;
#[path = "../fixture/mod.rs"]
mod fixture;
mod model;
mod names;
mod plan;
mod verdict;
mod world;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::both::Both;
use crate::plan::Case;

fn config() -> ProptestConfig {
    let found = FileFailurePersistence::Direct("tests/oracle/regressions.txt");
    let config = ProptestConfig { failure_persistence: Some(Box::new(found)), ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        config
    } else {
        ProptestConfig { cases: 10_000, ..config }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_rules_decide_as_the_model_does(case in plan::mixed()) {
        run(&case)?;
    }

    #[test]
    fn one_feature_that_everybody_wants_is_divided_as_the_model_does(case in plan::contended()) {
        run(&case)?;
    }
}

fn run(case: &Case) -> Result<(), TestCaseError> {
    let mut both = Both::new(case);
    for batch in &case.batches {
        both.change(batch.change);
        let mut estate = both.world.estate();
        both.compare(&estate)?;
        for op in &batch.ops {
            both.op(op, &mut estate)?;
            both.compare(&estate)?;
        }
        both.commit(&estate)?;
    }
    both.owners_can_draw()
}
