//! Who works at the firm, with what, and how long.

use std::time::Duration;

use leasehold_client::{Checkout, DeviceType};
use rand::rngs::StdRng;
use rand::{Rng, RngExt};

use crate::demo::estate::{EXPORT, PRINTING, RENDERING, VR};

/// How fast the firm lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So that people can follow it.
    Calm,
    /// So that much happens in little time.
    Quick,
}

/// What kind of work a device is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Renders and exports; the most common.
    Workstation,
    /// Renders, in a virtual machine, and does not rest.
    RenderNode,
    /// Prints and exports drawings.
    Office,
    /// A room with glasses.
    VrRoom,
    /// Borrows, to work on a building site.
    Laptop,
}

/// One device of the firm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) kind: Kind,
    /// The value of its hostid.
    pub(super) name: String,
    /// What people call it.
    pub(super) alias: String,
}

/// Something to be done with a licence.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) checkout: Checkout,
    /// Kept by nobody when the program ends: it ends by itself.
    pub(super) borrowed: bool,
}

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// It returns what it holds and waits for the answer.
    Return,
    /// It ends without waiting.
    Leave,
    /// It dies, and nobody is told.
    Crash,
}

/// People whose names their devices have.
const PEOPLE: [&str; 12] =
    ["Anna", "Ben", "Chiara", "David", "Emine", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kim", "Leila"];
/// A feature that the firm has not bought.
const NOT_OWNED: &str = "Simulation";

impl Profile {
    /// The device of this number, from 0.
    pub(super) fn of(number: usize) -> Self {
        let kind = Self::kind_of(number);
        let same = (0..=number).filter(|other| Self::kind_of(*other) == kind).count();
        let (short, long) = match kind {
            Kind::Workstation => ("ws", "workstation"),
            Kind::RenderNode => ("render", "render node"),
            Kind::Office => ("office", "desk"),
            Kind::VrRoom => ("vr", "VR room"),
            Kind::Laptop => ("laptop", "laptop"),
        };
        let person = PEOPLE[number % PEOPLE.len()];
        let alias = match kind {
            Kind::RenderNode | Kind::VrRoom => format!("{long} {same}"),
            _ => format!("{person}, {long} {same}"),
        };
        Self { kind, name: format!("{short}-{same:02}"), alias }
    }

    /// Of 25: 13 workstations, 4 render nodes, 5 desks, a room and 2 laptops.
    fn kind_of(number: usize) -> Kind {
        match number % 25 {
            1 | 7 | 13 | 19 => Kind::RenderNode,
            2 | 6 | 10 | 16 | 22 => Kind::Office,
            4 => Kind::VrRoom,
            9 | 21 => Kind::Laptop,
            _ => Kind::Workstation,
        }
    }

    /// Real or virtual.
    pub(super) fn device_type(&self) -> DeviceType {
        if self.kind == Kind::RenderNode { DeviceType::Virtual } else { DeviceType::Physical }
    }

    /// Whether a program that starts again takes over at once what the one before it held.
    pub(super) fn has_slot(&self) -> bool {
        self.kind == Kind::VrRoom
    }

    /// The next thing to do.
    pub(super) fn task(&self, rng: &mut StdRng) -> Task {
        let online = |checkout| Task { checkout, borrowed: false };
        let luck = rng.random_range(0..100);
        let rendering = || Checkout::new(RENDERING).version("5.0");
        online(match (self.kind, luck) {
            (Kind::Laptop, 0..45) => {
                let time = Duration::from_secs(rng.random_range(4..15));
                return Task {
                    checkout: Checkout::new(EXPORT).version("5.0").borrow_for(time),
                    borrowed: true,
                };
            }
            (Kind::RenderNode, 0..85) => {
                rendering().count(rng.random_range(1..=2)).partial(rng.random_bool(0.3))
            }
            (Kind::RenderNode, _) | (Kind::Workstation, 80..88) => Checkout::new(VR),
            (Kind::VrRoom, 0..75) => Checkout::new(VR).version("1.0"),
            (Kind::Office, 0..60) => Checkout::new(PRINTING),
            (Kind::Office, 60..92) => Checkout::new(EXPORT).version("4.0"),
            (Kind::Workstation, 0..58) | (Kind::VrRoom | Kind::Laptop, _) => rendering(),
            (Kind::Workstation, 58..80) => Checkout::new(EXPORT).version("5.0"),
            (Kind::Workstation, 88..96) => Checkout::new(PRINTING).count(2),
            (Kind::Office | Kind::Workstation, _) => Checkout::new(NOT_OWNED),
        })
    }

    /// How the program ends this time.
    pub(super) fn farewell(rng: &mut StdRng) -> Farewell {
        match rng.random_range(0..100) {
            0..62 => Farewell::Return,
            62..84 => Farewell::Leave,
            _ => Farewell::Crash,
        }
    }
}

impl Pace {
    /// From the first client to the update that goes out.
    pub(in crate::demo) fn update(self) -> Duration {
        match self {
            Self::Quick => Duration::from_secs(1),
            Self::Calm => Duration::from_secs(15),
        }
    }

    /// Until a device is switched on.
    pub(super) fn arrival(self, rng: &mut impl Rng) -> Duration {
        self.between(rng, 0..1_500, 0..15_000)
    }

    /// How long something is worked on.
    pub(super) fn work(self, rng: &mut impl Rng) -> Duration {
        self.between(rng, 300..5_000, 4_000..45_000)
    }

    /// How long nothing runs.
    pub(super) fn rest(self, rng: &mut impl Rng) -> Duration {
        self.between(rng, 100..2_000, 2_000..20_000)
    }

    /// Until somebody who was refused does something else.
    pub(super) fn patience(self, rng: &mut impl Rng) -> Duration {
        self.between(rng, 200..800, 1_500..6_000)
    }

    fn between(
        self,
        rng: &mut impl Rng,
        quick: std::ops::Range<u64>,
        calm: std::ops::Range<u64>,
    ) -> Duration {
        Duration::from_millis(rng.random_range(match self {
            Self::Quick => quick,
            Self::Calm => calm,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;

    use super::*;
    use crate::demo::estate::RESERVED_FOR;

    #[test]
    fn fifty_devices_have_names_of_their_own() {
        let firm: Vec<Profile> = (0..50).map(Profile::of).collect();
        let names: BTreeSet<&str> = firm.iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!(names.len(), 50);
        assert!(names.contains(RESERVED_FOR), "the reservation is for one of them");
        let count = |kind| firm.iter().filter(|profile| profile.kind == kind).count();
        assert_eq!((count(Kind::Workstation), count(Kind::RenderNode), count(Kind::Laptop)), (26, 8, 4));
    }

    #[test]
    fn a_seed_repeats_what_is_done() {
        let tasks = |seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            let tasks: Vec<String> =
                (0..40).map(|number| format!("{:?}", Profile::of(number).task(&mut rng).checkout)).collect();
            (tasks, Pace::Quick.work(&mut rng))
        };
        assert_eq!(tasks(7), tasks(7));
        assert_ne!(tasks(7), tasks(8));
    }
}
