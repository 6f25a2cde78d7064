//! What goes wrong, by chance.

use jiff::SignedDuration;
use leasehold_domain::IdSource as _;
use leasehold_domain::lease::server_patience;
use rand::RngExt as _;

use crate::bugs::Bug;
use crate::clients::millis;
use crate::leases::Leases;
use crate::world::World;

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl World {
    /// Something goes wrong every few seconds.
    pub(crate) fn go_wrong(&mut self) {
        if self.chance(0.02) {
            self.snapshot = Some(self.leases.clone());
        }
        if !self.chance(0.05) {
            return;
        }
        let now = self.now;
        let index = self.rng.random_range(0..2);
        let client = self.rng.random_range(0..self.clients.len());
        // Half of the time about as long as the server waits: the best moment for coming back is the worst.
        let patience = millis(server_patience(self.ttl));
        let long = if self.chance(0.5) {
            patience + self.rng.random_range(0..4_000)
        } else {
            self.rng.random_range(0..3 * millis(self.ttl))
        };
        match self.rng.random_range(0..16) {
            0 | 1 => {
                self.note(|| format!("replica {index} dies"));
                let name = self.ids.uuid();
                self.replicas[index].crash(name, now + long / 6);
            }
            2 | 3 => {
                self.note(|| format!("replica {index} stands still for {long} ms"));
                self.replicas[index].paused_until = now + long;
            }
            4 => {
                self.note(|| format!("replica {index} is cut off from the lease store for {long} ms"));
                self.replicas[index].cut_until = now + long;
            }
            5 => {
                self.note(|| format!("the lease store is away for {long} ms"));
                self.leases_away_until = now + long;
            }
            6 => {
                self.note(|| "the lease store forgets".to_owned());
                self.leases = Leases::new(self.leases.generation + 1);
            }
            7 | 8 => self.restore_snapshot(),
            9..=11 => self.step_a_clock(index),
            12 => self.lose_much(index, long),
            13 => {
                self.note(|| format!("client {client} is cut off for {long} ms"));
                self.clients[client].cut_until = now + long;
            }
            _ => self.kill_client(client, now + long),
        }
    }

    /// What fails together, as when a machine or a rack is lost: a replica, the lease store's memory, and clients.
    fn lose_much(&mut self, index: usize, long: i64) {
        self.note(|| {
            format!("replica {index} dies, with the lease store's memory and some clients' network")
        });
        let name = self.ids.uuid();
        self.replicas[index].crash(name, self.now + long / 2);
        if self.chance(0.5) {
            self.restore_snapshot();
        } else {
            self.leases = Leases::new(self.leases.generation + 1);
        }
        for client in 0..self.clients.len() {
            if self.chance(0.7) {
                self.clients[client].cut_until = self.now + long;
            }
        }
    }

    fn step_a_clock(&mut self, index: usize) {
        let step = if self.chance(0.5) { DAY } else { -DAY };
        let (name, clock) = match self.rng.random_range(0..3) {
            0 => ("store", &mut self.store_clock),
            1 => ("lease store", &mut self.leases_clock),
            _ => ("replica", &mut self.replicas[index].clock),
        };
        *clock += step;
        self.note(|| format!("the {name}'s clock steps by {step}"));
    }

    fn restore_snapshot(&mut self) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        self.note(|| "the lease store comes back with an old snapshot".to_owned());
        let generation = self.leases.generation + 1;
        self.leases =
            if self.bug == Some(Bug::OldSnapshotIsTrusted) { snapshot } else { Leases::new(generation) };
    }

    /// Everything works again, and every client is dead.
    pub(crate) fn heal(&mut self) {
        self.note(|| "everything is well again, and the clients are dead".to_owned());
        self.healed = true;
        self.leases_away_until = 0;
        for replica in &mut self.replicas {
            (replica.paused_until, replica.cut_until) = (0, 0);
            replica.down_until = replica.down_until.min(self.now);
        }
        for index in 0..self.clients.len() {
            self.kill_client(index, i64::MAX);
        }
    }
}
