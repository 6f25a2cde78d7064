//! `ReportEvents`: what a client did, in order and each once.

use leasehold_domain::text;
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::updates::v1 as pb;
use leasehold_store::updates::{Event, Reported};

use crate::convert::read_update_state;
use crate::state::State;
use crate::{Error, ticket};

const MAX_EVENTS: usize = 1_000;
const MAX_NAME: usize = 255;
const MAX_ID: usize = 64;
const MAX_MESSAGE: usize = 1_000;

pub(crate) async fn report_events(
    state: &State,
    message: pb::ReportEventsRequest,
) -> Result<pb::ReportEventsResponse, Error> {
    let site = state.site(&message.instance).await?;
    let client = ticket::holder(state, &site, &message.ticket)?;
    if !(1..=MAX_EVENTS).contains(&message.events.len()) {
        return Err(Error::field("events", "give 1 to 1,000 events"));
    }
    let mut events: Vec<Event> = Vec::with_capacity(message.events.len());
    for (index, event) in message.events.into_iter().enumerate() {
        let event = read(&format!("events[{index}]"), event)?;
        if events.last().is_some_and(|before| before.sequence >= event.sequence) {
            let problem = "is not above the one before; give events by sequence, each once";
            return Err(Error::field(format!("events[{index}].sequence"), problem));
        }
        events.push(event);
    }
    let reported = Reported { client, events: &events, at: state.now() };
    let kept = state.store.record_events(site.instance.id, &reported).await?;
    let acknowledged = kept.ok_or_else(|| Error::NotFound(format!("client {client}; check in first")))?;
    for event in &events {
        state.metrics.event(event.state.name());
    }
    Ok(pb::ReportEventsResponse { acknowledged })
}

fn read(field: &str, message: pb::UpdateEvent) -> Result<Event, Error> {
    let name = |name: &str| format!("{field}.{name}");
    let checked = |field: String, result: Result<(), text::TextError>| {
        result.map_err(|error| Error::field(field, error.to_string()))
    };
    checked(name("product"), text::check(&message.product, MAX_NAME))?;
    checked(name("version"), text::check_optional(&message.version, MAX_NAME))?;
    checked(name("assignment_id"), text::check_optional(&message.assignment_id, MAX_ID))?;
    if message.message.len() > MAX_MESSAGE || message.message.contains('\0') {
        return Err(Error::field(name("message"), "give at most 1,000 bytes, none of them zero"));
    }
    let in_range = |number: u64| i64::try_from(number).is_ok();
    if message.sequence == 0 || !in_range(message.sequence) || !in_range(message.fetched_bytes) {
        return Err(Error::field(name("sequence"), "number events from 1, and give bytes that can be"));
    }
    let at = message.at.ok_or_else(|| Error::field(name("at"), "is missing; give it"))?;
    Ok(Event {
        sequence: message.sequence,
        at: read_timestamp(&name("at"), &at)?,
        assignment: message.assignment_id,
        product: message.product,
        version: message.version,
        state: read_update_state(&name("state"), message.state)?,
        message: message.message,
        fetched_bytes: message.fetched_bytes,
    })
}
