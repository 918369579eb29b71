use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::simulation::{Bug, plans, run};

proptest! {
    /// Whatever a server repeats, cuts, forgets or does not know yet, and however slow users are:
    /// each change is told once, in order, with all others of its revision, or it is said which are
    /// missing.
    #[test]
    fn every_change_is_told_once(plan in plans()) {
        run(&plan, Bug::None).map_err(TestCaseError::fail)?;
    }
}

/// The property above is worth something: it fails when the code is wrong in any of these ways.
#[test]
fn the_simulation_finds_bugs() {
    for bug in [
        Bug::SkipsOne,
        Bug::RepeatsOne,
        Bug::SplitsRevisions,
        Bug::DropsWhenFull,
        Bug::NeverDrained,
        Bug::HidesGaps,
        Bug::TakesAllKeys,
        Bug::BelievesProgress,
        Bug::ForgetsWatch,
    ] {
        let found = TestRunner::deterministic().run(&plans(), |plan| {
            let went = std::panic::catch_unwind(|| run(&plan, bug));
            went.unwrap_or(Ok(())).map_err(TestCaseError::fail)
        });
        assert!(found.is_err(), "{bug:?} was not found");
    }
}
