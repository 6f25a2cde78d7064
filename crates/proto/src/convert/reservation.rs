//! Reservation groups, both ways.

use std::collections::BTreeSet;

use leasehold_domain::reservation::Status;
use leasehold_domain::{Entry, EntryId, FeatureName, Group, GroupId, HostId, IdSource, Reservation};

use super::field::{FieldError, each, positive_count, required, short_text, to_int64, uuid};
use super::hostid::read_hostid;
use super::request::read_version;
use crate::licensing::v1 as pb;

/// Where the message stands in its request.
const GROUP: &str = "group";
/// The revision of a group that was never changed.
const FIRST_REVISION: u64 = 1;

/// The group that a request to create one carries in `group`, with fresh ids.
///
/// The entries' orders count up from `first_order`.
pub fn read_new_group(
    message: Option<&pb::ReservationGroup>,
    ids: &mut dyn IdSource,
    first_order: u64,
) -> Result<Group, FieldError> {
    let message = required(GROUP, message)?;
    let must_be_empty = |field: &str, value: &str| match value {
        "" => Ok(()),
        _ => Err(FieldError::new(field, "leave it empty; the server makes it").under(GROUP)),
    };
    must_be_empty("group_id", &message.group_id)?;
    must_be_empty("etag", &message.etag)?;
    let id = GroupId(ids.uuid());
    let entries = Entries { ids, next_order: first_order, known: Known::Forbidden };
    entries.read(message, id, FIRST_REVISION).map_err(|error| error.under(GROUP))
}

/// The group that a request to change one carries in `group`; its revision is the one that was read.
///
/// Entries without an id get a fresh one. The orders of all entries count up from `first_order`; the caller
/// checks that the given ids stand in the group, and puts their orders back.
pub fn read_changed_group(
    message: Option<&pb::ReservationGroup>,
    ids: &mut dyn IdSource,
    first_order: u64,
) -> Result<Group, FieldError> {
    let message = required(GROUP, message)?;
    let entries = Entries { ids, next_order: first_order, known: Known::Seen(BTreeSet::new()) };
    read_standing(message, entries).map_err(|error| error.under(GROUP))
}

fn read_standing(message: &pb::ReservationGroup, entries: Entries<'_>) -> Result<Group, FieldError> {
    let id = GroupId(uuid("group_id", &message.group_id)?);
    let missing = || FieldError::new("etag", "is missing; give the one that was read with the group");
    let revision = read_etag("etag", &message.etag)?.ok_or_else(missing)?;
    entries.read(message, id, revision)
}

/// The `ETag` of a group at this revision.
pub fn etag(revision: u64) -> String {
    revision.to_string()
}

/// The revision that an `ETag` in `field` stands for; `None` where it is empty.
pub fn read_etag(field: &str, text: &str) -> Result<Option<u64>, FieldError> {
    match text {
        "" => Ok(None),
        text => match text.parse() {
            Ok(revision) => Ok(Some(revision)),
            Err(_) => Err(FieldError::new(field, "is not an ETag of a group; give the one that was read")),
        },
    }
}

/// Entry ids that come with the message.
enum Known {
    /// The server makes all of them.
    Forbidden,
    /// Each may occur once.
    Seen(BTreeSet<EntryId>),
}

struct Entries<'a> {
    ids: &'a mut dyn IdSource,
    next_order: u64,
    known: Known,
}

impl Entries<'_> {
    fn read(
        mut self,
        message: &pb::ReservationGroup,
        id: GroupId,
        revision: u64,
    ) -> Result<Group, FieldError> {
        Ok(Group {
            id,
            name: short_text("name", &message.name)?,
            reservations: each("reservations", &message.reservations, |m| self.reservation(m))?,
            revision,
        })
    }

    fn reservation(&mut self, message: &pb::Reservation) -> Result<Reservation, FieldError> {
        let hostid = read_hostid("hostid", message.hostid.as_ref())?;
        let entries = each("entries", &message.entries, |m| self.entry(m, &hostid))?;
        Ok(Reservation { hostid, entries })
    }

    fn entry(&mut self, message: &pb::ReservationEntry, hostid: &HostId) -> Result<Entry, FieldError> {
        let entry = Entry {
            id: self.id(&message.entry_id)?,
            hostid: hostid.clone(),
            feature: FeatureName::new(&message.feature).map_err(|error| FieldError::new("feature", error))?,
            version: read_version(&message.version)?,
            count: positive_count("count", message.count)?,
            order: self.next_order,
        };
        self.next_order += 1;
        Ok(entry)
    }

    fn id(&mut self, text: &str) -> Result<EntryId, FieldError> {
        let refuse = |problem| Err(FieldError::new("entry_id", problem));
        match (&mut self.known, text) {
            (_, "") => Ok(EntryId(self.ids.uuid())),
            (Known::Forbidden, _) => refuse("leave it empty; the server makes it"),
            (Known::Seen(seen), text) => {
                let id = EntryId(uuid("entry_id", text)?);
                if seen.insert(id) { Ok(id) } else { refuse("occurs twice; leave it empty for a new entry") }
            }
        }
    }
}

/// A group with the status of every entry and the counts of it in use, which `status` looks up.
pub fn group(group: &Group, status: impl Fn(&Entry) -> (Status, u64)) -> pb::ReservationGroup {
    let reservation = |reservation: &Reservation| pb::Reservation {
        hostid: Some((&reservation.hostid).into()),
        entries: reservation.entries.iter().map(|e| entry(e, status(e))).collect(),
    };
    pb::ReservationGroup {
        group_id: group.id.to_string(),
        name: group.name.clone(),
        reservations: group.reservations.iter().map(reservation).collect(),
        etag: etag(group.revision),
    }
}

fn entry(entry: &Entry, (status, used): (Status, u64)) -> pb::ReservationEntry {
    let (state, missing) = match status {
        Status::Satisfied => (pb::ReservationState::Satisfied, 0),
        Status::Waiting(missing) => (pb::ReservationState::Waiting, missing),
        Status::Unsatisfied(missing) => (pb::ReservationState::Unsatisfied, missing),
    };
    let status =
        pb::ReservationStatus { state: state.into(), missing: to_int64(missing), used: to_int64(used) };
    pb::ReservationEntry {
        entry_id: entry.id.to_string(),
        feature: entry.feature.to_string(),
        version: entry.version.to_string(),
        count: to_int64(entry.count),
        status: Some(status),
    }
}
