//! Tickets: what a check-in gives to a client, so that its further calls need not ask licensing again.
//!
//! A ticket is sealed by this service's key, for one instance: it says which client it is and until when. Every replica
//! can open it, and nobody else can make one.

use jiff::{SignedDuration, Timestamp};
use leasehold_signing::ExposeSecret as _;
use uuid::Uuid;

use crate::Error;
use crate::site::Site;
use crate::state::State;

/// How long a ticket outlives the time of the next check-in: a client that was switched off goes on with its download.
const LONGER: SignedDuration = SignedDuration::from_hours(24);

/// A ticket for this client.
pub(crate) fn make(state: &State, site: &Site, client: Uuid, now: Timestamp) -> Result<Vec<u8>, Error> {
    let until = now.saturating_add(state.config.check_in_interval).and_then(|at| at.saturating_add(LONGER));
    let until = until.unwrap_or(Timestamp::MAX).as_second();
    let content = [client.as_bytes().as_slice(), &until.to_be_bytes()].concat();
    let sealed = state.key.seal(&mut *state.random(), &purpose(site), &content);
    sealed.map_err(|error| Error::Sealed(error.to_string()))
}

/// The client of a ticket, also of one that is over.
pub(crate) fn holder(state: &State, site: &Site, ticket: &[u8]) -> Result<Uuid, Error> {
    open(state, site, ticket).map(|(client, _)| client)
}

/// Refuses a ticket that does not count, or does not count any more.
pub(crate) fn check(state: &State, site: &Site, ticket: &[u8]) -> Result<(), Error> {
    let (_, until) = open(state, site, ticket)?;
    if state.now().as_second() < until { Ok(()) } else { Err(Error::Ticket) }
}

fn open(state: &State, site: &Site, ticket: &[u8]) -> Result<(Uuid, i64), Error> {
    let opened = state.key.open(&purpose(site), ticket).map_err(|_| Error::Ticket)?;
    let (client, until) = opened.expose_secret().split_first_chunk::<16>().ok_or(Error::Ticket)?;
    let until = <[u8; 8]>::try_from(until).map_err(|_| Error::Ticket)?;
    Ok((Uuid::from_bytes(*client), i64::from_be_bytes(until)))
}

fn purpose(site: &Site) -> String {
    format!("update-ticket/{}", site.instance.id)
}
