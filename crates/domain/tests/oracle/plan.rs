//! What a case is made of: a small estate and what happens to it. Times are hours, ids are small numbers.

use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;

/// Features 0 and 1 may be owned; nobody owns feature 2.
pub(crate) const FEATURES: u8 = 3;
/// Devices that ask, and own reservations.
pub(crate) const DEVICES: u8 = 3;
/// The owner number of the one user; lower numbers are devices.
pub(crate) const USER: u8 = DEVICES;

/// How long an online grant runs.
pub(crate) const LIFETIME: i64 = 5;
/// The instance's borrow interval.
pub(crate) const BORROW: i64 = 7;
/// How long the bundle is good that a case begins with: longer than a case.
pub(crate) const IN_FORCE: i64 = 1_000;
/// The administrator's longest borrow.
pub(crate) const BORROW_MAX: i64 = 12;

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) items: Vec<ItemPlan>,
    pub(crate) entries: Vec<EntryPlan>,
    pub(crate) batches: Vec<Batch>,
}

#[derive(Clone, Debug)]
pub(crate) struct ItemPlan {
    pub(crate) feature: u8,
    pub(crate) version: u8,
    pub(crate) count: Option<u8>,
    pub(crate) overdraft: OverdraftPlan,
    pub(crate) starts: Option<i64>,
    pub(crate) expires: Option<i64>,
    pub(crate) grace: i64,
    pub(crate) borrow: Option<i64>,
    pub(crate) allow_virtual: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum OverdraftPlan {
    None,
    Count(u8),
    Percent(u8),
    Unlimited,
    Advisory,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryPlan {
    pub(crate) owner: u8,
    pub(crate) feature: u8,
    pub(crate) version: u8,
    pub(crate) count: u8,
}

/// A change of rights or of the time, then requests that are decided together.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) change: Change,
    pub(crate) ops: Vec<Op>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    None,
    Time {
        hours: i64,
        sweep: bool,
        reallocate: bool,
    },
    Reserve(EntryPlan),
    Unreserve(u8),
    Resize(u8, u8),
    Recount(u8, u8),
    /// A bundle with the same rights, good for so long.
    Synchronize {
        hours: i64,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Ask(Ask),
    Release { nth: u8, stale: bool },
    TakeBack { nth: u8, stale: bool },
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a request has that many switches")]
pub(crate) struct Ask {
    pub(crate) who: Who,
    /// Another device whose hostid comes along.
    pub(crate) also: Option<u8>,
    pub(crate) user: bool,
    /// Feature, version and count.
    pub(crate) wanted: Vec<(u8, u8, u8)>,
    pub(crate) incremental: bool,
    pub(crate) partial: bool,
    pub(crate) keep: bool,
    pub(crate) borrow: bool,
    pub(crate) interval: Option<i64>,
    pub(crate) is_virtual: bool,
    pub(crate) preview: bool,
    pub(crate) renew: Renew,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who {
    pub(crate) device: u8,
    pub(crate) slot: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Renew {
    Nothing,
    Current,
    Stale,
}

/// Several line items of two features.
pub(crate) fn mixed() -> impl Strategy<Value = Case> {
    (vec(item(), 1..=4), vec(entry(), 0..=4), vec(batch(), 2..=4)).prop_map(
        |(mut items, entries, batches)| {
            items[0].feature = 0;
            Case { items, entries, batches }
        },
    )
}

/// One feature that everybody wants.
pub(crate) fn contended() -> impl Strategy<Value = Case> {
    (vec(item(), 1..=2), vec(entry(), 1..=4), vec(batch(), 2..=4)).prop_map(
        |(mut items, mut entries, mut batches)| {
            for feature in items.iter_mut().map(|item| &mut item.feature) {
                *feature = 0;
            }
            for feature in entries.iter_mut().map(|entry| &mut entry.feature) {
                *feature = 0;
            }
            for batch in &mut batches {
                for op in &mut batch.ops {
                    if let Op::Ask(ask) = op {
                        ask.wanted.truncate(1);
                        for (feature, ..) in &mut ask.wanted {
                            *feature = 0;
                        }
                    }
                }
            }
            Case { items, entries, batches }
        },
    )
}

/// Mostly feature 0, so that there is something to contend for.
fn feature() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0_u8), 1 => Just(1_u8)]
}

/// A version; low ones are served by most.
fn lowest() -> impl Strategy<Value = u8> {
    prop_oneof![5 => Just(1_u8), 2 => Just(2_u8), 1 => Just(3_u8)]
}

fn item() -> impl Strategy<Value = ItemPlan> {
    let overdraft = prop_oneof![
        4 => Just(OverdraftPlan::None),
        2 => (1_u8..=3).prop_map(OverdraftPlan::Count),
        2 => (10_u8..=150).prop_map(OverdraftPlan::Percent),
        1 => Just(OverdraftPlan::Unlimited),
        1 => Just(OverdraftPlan::Advisory),
    ];
    let dates = (weighted(0.1, 1_i64..8), weighted(0.4, 1_i64..24), 0_i64..4);
    let rest = (weighted(0.3, 1_i64..15), proptest::bool::weighted(0.8));
    (feature(), 1_u8..=3, weighted(0.9, 0_u8..=7), overdraft, dates, rest).prop_map(
        |(feature, version, count, overdraft, (starts, expires, grace), (borrow, allow_virtual))| ItemPlan {
            feature,
            version,
            count,
            overdraft,
            starts,
            expires,
            grace,
            borrow,
            allow_virtual,
        },
    )
}

fn entry() -> impl Strategy<Value = EntryPlan> {
    (0..=USER, feature(), lowest(), 1_u8..=4).prop_map(|(owner, feature, version, count)| EntryPlan {
        owner,
        feature,
        version,
        count,
    })
}

fn batch() -> impl Strategy<Value = Batch> {
    (change(), vec(op(), 1..=2)).prop_map(|(change, ops)| Batch { change, ops })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => Just(Change::None),
        2 => (1_i64..7, any::<bool>(), any::<bool>())
            .prop_map(|(hours, sweep, reallocate)| Change::Time { hours, sweep, reallocate }),
        1 => entry().prop_map(Change::Reserve),
        1 => any::<u8>().prop_map(Change::Unreserve),
        1 => (any::<u8>(), 1_u8..=4).prop_map(|(nth, count)| Change::Resize(nth, count)),
        2 => (any::<u8>(), 0_u8..=7).prop_map(|(nth, count)| Change::Recount(nth, count)),
        1 => (0_i64..8).prop_map(|hours| Change::Synchronize { hours }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => ask().prop_map(Op::Ask),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(nth, stale)| Op::Release { nth, stale }),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(nth, stale)| Op::TakeBack { nth, stale }),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let device = prop_oneof![2 => Just(0_u8), 1 => 0..DEVICES];
    let who =
        (device, proptest::bool::weighted(0.1), weighted(0.1, 0..DEVICES), proptest::bool::weighted(0.3));
    let one = (feature(), lowest(), 1_u8..=6);
    let another = weighted(0.2, (0..FEATURES, lowest(), 1_u8..=6));
    let some = (one, another).prop_map(|(one, another)| std::iter::once(one).chain(another).collect());
    let wanted = prop_oneof![1 => Just(Vec::new()), 6 => some];
    let manner = (
        proptest::bool::weighted(0.3),
        proptest::bool::weighted(0.3),
        proptest::bool::weighted(0.7),
        proptest::bool::weighted(0.2),
    );
    let borrow = (proptest::bool::weighted(0.3), of(1_i64..15));
    let renew = prop_oneof![6 => Just(Renew::Nothing), 2 => Just(Renew::Current), 1 => Just(Renew::Stale)];
    (who, wanted, manner, borrow, proptest::bool::weighted(0.1), renew).prop_map(
        |((device, slot, also, user), wanted, manner, (borrow, interval), preview, renew)| {
            let (incremental, partial, keep, is_virtual) = manner;
            let who = Who { device, slot };
            Ask {
                who,
                also,
                user,
                wanted,
                incremental,
                partial,
                keep,
                borrow,
                interval,
                is_virtual,
                preview,
                renew,
            }
        },
    )
}
