use leasehold_runtime::Metrics as Recorded;

use super::*;

fn instance(number: u128) -> InstanceId {
    InstanceId(uuid::Uuid::from_u128(number))
}

#[test]
fn everything_is_recorded_under_its_name() {
    let (recorder, shown) = Recorded::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let metrics = Metrics::new();
    record(&metrics);

    let text = shown.render();
    for line in [
        "batch_size_bucket{le=\"256\"} 0",
        "batch_size_bucket{le=\"1024\"} 1",
        "batch_duration_seconds_bucket{phase=\"load\",le=\"0.0025\"} 1",
        "batch_duration_seconds_count{phase=\"decide\"} 1",
        "batch_duration_seconds_bucket{phase=\"commit\",le=\"0.005\"} 0",
        "queue_depth 2",
        "requests_shed_total{reason=\"overloaded\"} 1",
        "requests_shed_total{reason=\"late\"} 1",
        "answers_total{outcome=\"granted\",reason=\"\"} 2",
        "answers_total{outcome=\"partial\",reason=\"UNKNOWN_FEATURE\"} 1",
        "answers_total{outcome=\"kept\",reason=\"RESERVED_FOR_OTHERS\"} 1",
        "answers_total{outcome=\"refused\",reason=\"INSUFFICIENT_COUNT\"} 1",
        "grants{kind=\"online\"} 12",
        "grants{kind=\"borrowed\"} 4",
        "heartbeats_total{result=\"ok\"} 100",
        "heartbeats_total{result=\"degraded\"} 2",
        "heartbeats_total{result=\"lost\"} 1",
        "leases_taken_back_total 6",
        "promotions_total 7",
        "gaps_total{kind=\"pause\"} 1",
        "self_preservation 1",
        "restored 1",
        "suspended{instance=\"main\"} 1",
        "suspended{instance=\"new\"} 0",
        "bundle_sequence{instance=\"main\"} 7",
        "synchronize_seconds_left{instance=\"main\"} 90",
        "synchronize_seconds_left{instance=\"new\"} 0",
        "answer_key_seconds_left{instance=\"main\"} 0",
        "reaper_turn_held 1",
        "backend_errors_total{backend=\"store\",kind=\"unavailable\"} 1",
        "backend_errors_total{backend=\"leases\",kind=\"unavailable\"} 1",
        "floors_moved_total 8",
        "endings_polled_total 9",
    ] {
        let line = format!("leasehold_licensing_{line}");
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    let described = text.lines().filter(|line| line.starts_with("# HELP leasehold_licensing_")).count();
    let typed = text.lines().filter(|line| line.starts_with("# TYPE leasehold_licensing_")).count();
    assert_eq!((described, typed), (20, 20), "each has a description");
}

fn record(metrics: &Metrics) {
    metrics.batch(300);
    metrics.phase(Phase::Load, Duration::from_millis(2));
    metrics.phase(Phase::Decide, Duration::from_micros(300));
    metrics.phase(Phase::Commit, Duration::from_millis(7));
    metrics.queue_depth(2);
    metrics.shed(Shed::Overloaded);
    metrics.shed(Shed::Late);
    metrics.answer(Outcome::Granted, None);
    metrics.answer(Outcome::Granted, None);
    metrics.answer(Outcome::Partial, Some(Reason::UnknownFeature));
    metrics.answer(Outcome::Kept, Some(Reason::ReservedForOthers));
    metrics.answer(Outcome::Refused, Some(Reason::InsufficientCount));
    metrics.grants(12, 4);
    metrics.heartbeats(Beat::Ok, 100);
    metrics.heartbeats(Beat::Degraded, 2);
    metrics.heartbeats(Beat::Lost, 1);
    metrics.taken_back(6);
    metrics.promoted(7);
    metrics.gap("pause");
    metrics.self_preservation(true);
    metrics.restored(instance(1), true);
    metrics.restored(instance(2), false);
    metrics.suspended("main", true);
    metrics.suspended("new", false);
    let leave = Leave { sequence: 7, synchronize_before: Timestamp::from_second(100).unwrap() };
    metrics.leave("main", Some(leave), Timestamp::from_second(10).unwrap());
    metrics.leave("new", None, Timestamp::from_second(10).unwrap());
    metrics.answer_key("main", None, Timestamp::UNIX_EPOCH);
    metrics.reaper_turn(true);
    metrics.backend_error(Backend::Store, "unavailable");
    metrics.backend_error(Backend::Leases, "unavailable");
    metrics.floors_moved(8);
    metrics.endings(9);
}

#[test]
fn restored_is_measured_until_the_last_instance_is_confirmed() {
    let (recorder, shown) = Recorded::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let metrics = Metrics::new();
    for (number, restored, measured) in [(1, true, 1), (2, true, 1), (1, false, 1), (2, false, 0)] {
        metrics.restored(instance(number), restored);
        let line = format!("leasehold_licensing_restored {measured}\n");
        assert!(shown.render().contains(&line), "{line} in\n{}", shown.render());
    }
}
