use super::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const NONE: SignedDuration = SignedDuration::ZERO;

fn secs(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn wall(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// A reading that takes no time.
fn reading(shows: Timestamp, monotonic: u64) -> Reading {
    Reading { wall: shows, sent: Duration::from_secs(monotonic), came: Duration::from_secs(monotonic) }
}

/// What processes share: a clock and the steps that were noted of it.
#[derive(Default)]
struct World {
    ahead: SignedDuration,
    steps: Steps,
}

impl World {
    /// A process looks, and notes what it finds.
    fn look(&mut self, process: &mut Follower, monotonic: u64) -> Option<SignedDuration> {
        self.look_in(process, monotonic, monotonic)
    }

    /// The same, of a process whose monotonic clock says otherwise.
    fn look_in(&mut self, process: &mut Follower, true_time: u64, monotonic: u64) -> Option<SignedDuration> {
        let reading = reading(wall(i64::try_from(true_time).unwrap()) + self.ahead, monotonic);
        let step = process.step(&reading, &self.steps);
        if let Some(step) = step {
            self.steps.note(step, DAY);
        }
        process.take(&reading, self.steps.clone(), step);
        assert_eq!(process.now(reading.came), Some(reading.wall), "whoever looks knows the time");
        step.map(|step| step.by)
    }
}

#[test]
fn one_process_notes_a_step_and_the_others_find_it() {
    let (mut world, [mut one, mut two]) = (World::default(), <[Follower; 2]>::default());
    for second in 0..10 {
        assert_eq!(world.look(&mut one, second), None);
        assert_eq!(world.look(&mut two, second), None);
    }
    for (second, step) in [(10, DAY), (11, -DAY), (12, -DAY), (13, secs(2)), (14, DAY)] {
        world.ahead += step;
        let (first, then) = if second % 2 == 0 { (&mut one, &mut two) } else { (&mut two, &mut one) };
        assert_eq!(world.look(first, second), Some(step));
        assert_eq!(world.look(then, second), None, "it was noted already");
    }
    assert_eq!(world.steps.recent.len(), 5);
    assert_eq!(one.steps(), two.steps());
}

#[test]
fn steps_that_only_one_process_saw_are_noted_all_the_same() {
    let (mut world, [mut one, mut two]) = (World::default(), <[Follower; 2]>::default());
    for process in [&mut one, &mut two] {
        world.look(process, 0);
    }
    world.ahead -= DAY;
    assert_eq!(world.look(&mut one, 1), Some(-DAY));
    world.ahead += DAY;
    assert_eq!(world.look(&mut two, 1), Some(DAY), "it was back before the other had looked");
    assert_eq!(world.look(&mut one, 2), None);
    assert_eq!(one.ahead(Duration::from_secs(2), DAY), DAY, "what was granted in between has not ended");
}

#[test]
fn a_process_that_starts_takes_the_clock_as_it_finds_it_and_knows_of_older_steps() {
    let (mut world, mut one) = (World::default(), Follower::default());
    world.look(&mut one, 0);
    world.ahead += DAY;
    world.look(&mut one, 1);
    let mut new = Follower::default();
    assert_eq!(new.now(Duration::ZERO), None);
    assert_eq!(world.look_in(&mut new, 2, 0), None);
    assert_eq!(new.ahead(Duration::ZERO, HOUR), DAY);
    assert_eq!(new.now(Duration::from_secs(5)), Some(wall(7) + DAY));
}

#[test]
fn a_process_that_pauses_between_question_and_answer_sees_no_step() {
    let mut paused = Follower::default();
    paused.take(&reading(wall(0), 0), Steps::default(), None);
    for showed in [10, 40, 70] {
        let reading =
            Reading { wall: wall(showed), sent: Duration::from_secs(10), came: Duration::from_secs(70) };
        assert_eq!(paused.step(&reading, &Steps::default()), None, "{showed}");
    }
    for (showed, by) in [(8, -2), (72, 62)] {
        let reading =
            Reading { wall: wall(showed), sent: Duration::from_secs(10), came: Duration::from_secs(70) };
        let step = paused.step(&reading, &Steps::default());
        assert_eq!(step, Some(Step { at: wall(10), by: secs(by) }), "{showed}");
    }
}

#[test]
fn what_the_rates_of_clocks_explain_is_no_step() {
    let mut one = Follower::default();
    one.take(&reading(wall(0), 0), Steps::default(), None);
    for second in 1..100 {
        let slow = reading(wall(i64::try_from(second).unwrap() * 2), second);
        assert_eq!(one.step(&slow, &Steps::default()), None, "a second in each second");
        one.take(&slow, Steps::default(), None);
    }
    let further =
        Reading { wall: wall(198) + secs(2) + SignedDuration::from_micros(1), ..reading(wall(0), 100) };
    let far = Reading { wall: further.wall + SignedDuration::from_micros(1), ..further };
    assert_eq!(one.step(&Reading { wall: wall(200), ..further }, &Steps::default()), None);
    assert!(one.step(&far, &Steps::default()).is_some());
}

#[test]
fn a_reading_that_was_overtaken_changes_nothing() {
    let mut one = Follower::default();
    one.take(&reading(wall(0), 0), Steps::default(), None);
    let mut stepped = Steps::default();
    stepped.note(Step { at: wall(5), by: DAY }, DAY);
    one.take(&reading(wall(5) + DAY, 5), stepped.clone(), stepped.recent.first().copied());
    one.take(&reading(wall(4), 4), Steps::default(), None);
    assert_eq!(one.steps(), &stepped);
    assert_eq!(one.now(Duration::from_secs(6)), Some(wall(6) + DAY));
}

#[test]
fn a_process_whose_monotonic_clock_stood_still_gives_way() {
    for sleeper_looks_first in [true, false] {
        let (mut world, [mut awake, mut sleeper]) = (World::default(), <[Follower; 2]>::default());
        world.look(&mut awake, 0);
        world.look_in(&mut sleeper, 0, 0);
        // It slept for an hour, and its clock with it.
        for second in 3_600..3_620 {
            if sleeper_looks_first {
                world.look_in(&mut sleeper, second, second - 3_600);
                world.look(&mut awake, second);
            } else {
                world.look(&mut awake, second);
                world.look_in(&mut sleeper, second, second - 3_600);
            }
        }
        assert_eq!(world.steps.correction, NONE);
        assert_eq!(world.steps.recent.len(), 2, "noted once, and denied once");
    }
}

#[test]
fn steps_are_whole_microseconds_as_stores_keep_them() {
    let mut one = Follower::default();
    let odd = |nanos| Duration::from_nanos(nanos);
    one.take(&Reading { wall: wall(0), sent: odd(1_001), came: odd(1_001) }, Steps::default(), None);
    let stepped = Reading { wall: wall(90), sent: odd(2_002), came: odd(2_002) };
    let Step { at, by } = one.step(&stepped, &Steps::default()).unwrap();
    assert_eq!((at.as_nanosecond() % 1_000, by.as_nanos() % 1_000), (0, 0), "{at} {by}");
}

#[test]
fn a_step_counts_until_it_has_settled() {
    let step = |at, by| Step { at: wall(at), by };
    let ahead = |steps: &[Step], at| {
        let mut all = Steps::default();
        for step in steps {
            all.note(*step, HOUR);
        }
        all.ahead(wall(at), HOUR)
    };
    assert_eq!(ahead(&[], 0), NONE);
    assert_eq!(ahead(&[step(0, DAY)], 0), DAY);
    assert_eq!(ahead(&[step(0, DAY)], 3_599), DAY);
    assert_eq!(ahead(&[step(0, DAY)], 3_600), NONE);
    assert_eq!(ahead(&[step(0, -DAY)], 1), NONE, "a step back holds nothing up");
    assert_eq!(ahead(&[step(0, -DAY), step(1, DAY)], 2), DAY, "what was granted in between has not ended");
    assert_eq!(ahead(&[step(0, DAY), step(1, -DAY)], 2), NONE);
    assert_eq!(ahead(&[step(0, DAY), step(3_599, DAY)], 3_599), DAY + DAY);
    assert_eq!(ahead(&[step(0, DAY), step(3_600, HOUR)], 3_600), HOUR);
}

#[test]
fn the_sum_keeps_what_is_forgotten_one_by_one() {
    let mut steps = Steps::default();
    steps.note(Step { at: wall(0), by: DAY }, HOUR);
    steps.note(Step { at: wall(7_200), by: HOUR }, HOUR);
    assert_eq!(steps.recent, [Step { at: wall(7_200), by: HOUR }]);
    assert_eq!(steps.steady(wall(0)), wall(0) - DAY - HOUR);
    assert_eq!(steps.wall(steps.steady(wall(0))), wall(0));
}

#[test]
fn a_clock_that_never_rests_fills_nothing_and_ends_nothing_early() {
    let mut steps = Steps::default();
    let mut exact: Vec<Step> = Vec::new();
    for second in 0..500 {
        let by = if second % 3 == 0 { secs(-5) } else { secs(second % 7) };
        let step = Step { at: wall(second), by };
        steps.note(step, HOUR);
        exact.push(step);
        let exact = Steps { recent: exact.clone(), ..steps.clone() };
        assert!(steps.recent.len() <= MOST);
        assert!(steps.ahead(wall(second), HOUR) >= exact.ahead(wall(second), HOUR), "{second}");
    }
}

#[test]
fn a_clock_at_the_end_of_time_is_borne() {
    let mut one = Follower::default();
    one.take(&reading(wall(0), 0), Steps::default(), None);
    for shows in [Timestamp::MAX, Timestamp::MIN, Timestamp::MAX] {
        one.take_alone(&reading(shows, 1), DAY);
        assert_eq!(one.now(Duration::from_secs(1)), Some(shows));
    }
}

#[test]
fn a_clock_of_one_process_alone_is_followed_the_same_way() {
    let mut alone = Follower::default();
    alone.take_alone(&reading(wall(0), 0), DAY);
    alone.take_alone(&reading(wall(1) + DAY, 1), DAY);
    alone.take_alone(&reading(wall(2) + DAY, 2), DAY);
    let at = Duration::from_secs(2);
    assert_eq!((alone.now(at), alone.ahead(at, DAY)), (Some(wall(2) + DAY), DAY));
    assert_eq!(alone.steps().recent, [Step { at: wall(1), by: DAY }]);
}
