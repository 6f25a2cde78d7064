//! Throw-away processes for tests: real ones, ended and removed with the value that stands for them. And gRPC whose
//! messages are [bytes](raw), and [points](Fuse) at which a service in the test's own process dies.
//!
//! A dev-dependency only. It knows no service of ours: what it starts it takes as a command line, and what it
//! finds out it reads from ports and output. Unix alone: tests of processes need its signals.

mod error;
mod fake_clock;
mod fault_proxy;
mod fuse;
mod port;
mod postgres;
mod process;
pub mod raw;
mod redis;
mod resp;

pub use error::Error;
pub use fake_clock::FakeClock;
pub use fault_proxy::{Caught, Direction, FaultProxy, containing};
pub use fuse::Fuse;
pub use port::free_port;
pub use postgres::Postgres;
pub use process::{Process, Signal};
pub use redis::Redis;
