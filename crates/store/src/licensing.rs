//! What licensing keeps, and how it reads and writes it.

mod notices;
mod tallies;
mod vendor;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::grant::Lost;
use leasehold_domain::steps::Steps;
use leasehold_domain::text::FeatureName;
use leasehold_domain::turn::Beat;
use leasehold_domain::{
    Activity, Changes, Device, EntryId, Estate, FencingToken, Grant, GrantId, Group, GroupId, Holder, HostId,
    InstanceId, LineItemId, Policies, RequestId,
};
use uuid::Uuid;

use crate::StoreError;
pub use notices::{Notice, Notices};
pub use tallies::{DenialTally, Denials, ForgetTallies, Held, Periods, Step, Tallies, UsageTally};
pub use vendor::{AnswerKey, Bundle, Enrolment, Standing, Suspension};

/// One logical licence server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Unique, 1 to 64 bytes.
    pub name: String,
    /// Requests that name no instance mean this one; exactly one is.
    pub is_default: bool,
}

/// What a batch of requests touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Who asks: their grants and devices are loaded.
    pub holders: Vec<Holder>,
    /// Whose reservations are loaded.
    pub hostids: Vec<HostId>,
    /// Features whose line items are loaded, besides those of the grants and reservations found.
    pub features: Vec<FeatureName>,
    /// Grants that are loaded by id, with their line items.
    pub grants: Vec<GrantId>,
}

/// A request's answer, kept so that a repeat gets the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The request's id.
    pub id: RequestId,
    /// SHA-256 of the request's body.
    pub body_hash: [u8; 32],
    /// The unsigned answer, encoded.
    pub answer: Vec<u8>,
}

/// Everything that allocation reads and writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Every line item with its cells, by id.
    pub items: Vec<LineItemState>,
    /// Every reservation group, by name.
    pub groups: Vec<Group>,
}

/// A change of rights or reservations, written in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RightsChange {
    /// Line items with their cells, as they stand now; their old cells go.
    pub items: Vec<LineItemState>,
    /// Line items that go; nothing of them is out.
    pub removed_items: Vec<LineItemId>,
    /// Groups as they stand now; their old entries go.
    pub groups: Vec<Group>,
    /// Groups that go, with their entries.
    pub removed_groups: Vec<GroupId>,
    /// Entries that are gone: parts charged to them are charged to the default pool from now on.
    pub gone_entries: Vec<EntryId>,
    /// One record for each change.
    pub activity: Vec<Activity>,
}

/// Which rows of a list are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// Most rows, at least 1.
    pub limit: u32,
    /// The sort key of the last row of the page before. What was never a key is no error.
    pub after: Option<String>,
    /// Rows to pass over.
    pub skip: u32,
    /// Keeps rows that contain this text, without regard to case (ASCII); empty keeps all.
    pub search: String,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the list's order.
    pub rows: Vec<T>,
    /// The sort key of the last row, where more follow.
    pub next: Option<String>,
    /// Rows in the whole list, after the search.
    pub total: u64,
}

/// A device with what it holds, summed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    /// The device.
    pub device: Device,
    /// Grants that it holds, over all its places.
    pub grants: u64,
    /// Counts that it holds.
    pub counts: u64,
    /// When the last of its grants ends if nothing renews it: a borrow at its end, an online one at its
    /// floor deadline where that is earlier.
    pub expires_at: Option<Timestamp>,
}

/// An online grant whose floor deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silent {
    /// The grant.
    pub id: GrantId,
    /// Its token when it was found.
    pub fencing_token: FencingToken,
    /// Its floor deadline when it was found.
    pub floor: Timestamp,
    /// Its time to live.
    pub ttl: SignedDuration,
    /// How much longer than earned it stands already, since it was last heard.
    pub unearned: SignedDuration,
}

/// More time for an online grant whose holder was not heard, because nobody was there to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// The grant.
    pub id: GrantId,
    /// The token that has to stand.
    pub fencing_token: FencingToken,
    /// Its new floor deadline.
    pub floor: Timestamp,
    /// All that it stands longer than earned from now on, this included.
    pub unearned: SignedDuration,
}

/// A grant that ended other than by its holder's wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its place in the order in which the instance's commits became visible: greater is later.
    pub seq: u64,
    /// The grant.
    pub grant: GrantId,
    /// Why its holder lost it.
    pub lost: Lost,
}

/// A commit that a crash of the store may still undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "nobody may hear of a commit before it is settled"]
pub struct Pending(Option<u64>);

impl Pending {
    /// Nothing can undo it any more.
    pub const DURABLE: Self = Self(None);

    /// A commit that waits for something, which the store knows by this mark.
    pub const fn until(mark: u64) -> Self {
        Self(Some(mark))
    }

    /// What it waits for.
    pub const fn mark(self) -> Option<u64> {
        self.0
    }
}

/// What a transaction finds of the clock that all processes share which use a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreTime {
    /// What it showed when the transaction had its turn.
    pub now: Timestamp,
    /// The instance's record of the clock's steps.
    pub steps: Steps,
}

/// Narrows the list of grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantFilter {
    /// Only those of this feature.
    pub feature: Option<FeatureName>,
    /// Only those of this device.
    pub device: Option<HostId>,
}

/// What licensing keeps.
#[async_trait]
pub trait LicensingStore: Send + Sync + 'static {
    /// Whether it answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Every instance, by name.
    async fn instances(&self) -> Result<Vec<Instance>, StoreError>;

    /// Adds an instance. A taken name or a second default is a [`StoreError::Constraint`].
    async fn create_instance(&self, instance: &Instance) -> Result<(), StoreError>;

    /// How the instance stands. One that does not exist stands as a new one does.
    async fn standing(&self, instance: InstanceId) -> Result<Standing, StoreError>;

    /// The number of these addresses: the one that they have if they are the instance's already, else a new one, which
    /// is greater than every one before and at least `least`.
    async fn number_addresses(
        &self,
        instance: InstanceId,
        addresses: &[String],
        least: u64,
    ) -> Result<u64, StoreError>;

    /// The newest answer keys, at most `limit`, newest first.
    async fn answer_keys(&self, instance: InstanceId, limit: u32) -> Result<Vec<AnswerKey>, StoreError>;

    /// Adds an answer key. One of the same id is a [`StoreError::Constraint`].
    async fn add_answer_key(&self, instance: InstanceId, key: &AnswerKey) -> Result<(), StoreError>;

    /// Forgets the answer keys whose certificates were not good any more at `before`; says how many.
    async fn forget_answer_keys(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError>;

    /// The notices for clients.
    async fn notices(&self, instance: InstanceId) -> Result<Notices, StoreError>;

    /// Forgets the notices that were over at `before`; says how many.
    async fn forget_notices(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError>;

    /// Adds to what is counted beside the decisions, all of it or nothing.
    async fn add_tallies(&self, instance: InstanceId, tallies: &Tallies) -> Result<(), StoreError>;

    /// Use of these features, by feature and time.
    async fn usage(
        &self,
        instance: InstanceId,
        features: &[FeatureName],
        periods: Periods,
    ) -> Result<Vec<UsageTally>, StoreError>;

    /// Refusals of these features, by feature, time and reason.
    async fn denials(
        &self,
        instance: InstanceId,
        features: &[FeatureName],
        periods: Periods,
    ) -> Result<Vec<DenialTally>, StoreError>;

    /// Refusals of all features, or of this one, added up by feature and reason: up to `limit`, most first.
    async fn denial_sums(
        &self,
        instance: InstanceId,
        feature: Option<&FeatureName>,
        periods: Periods,
        limit: u32,
    ) -> Result<Vec<Denials>, StoreError>;

    /// Up to `limit` features that this device held at `since` or later, latest first.
    async fn held_since(
        &self,
        instance: InstanceId,
        device: &HostId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Held>, StoreError>;

    /// Forgets up to `limit` tallies of each kind; says how many in all.
    async fn forget_tallies(
        &self,
        instance: InstanceId,
        forget: ForgetTallies,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// Begins a transaction on one instance and waits for its turn.
    async fn begin(&self, instance: InstanceId) -> Result<Box<dyn LicensingBatch>, StoreError>;

    /// Waits until nothing can undo a commit that [`LicensingBatch::commit_early`] made, nor any that was made before
    /// it. An error means that this is not known and never will be.
    async fn settle(&self, _pending: Pending) -> Result<(), StoreError> {
        Ok(())
    }

    /// Every line item with its cells, by id.
    async fn line_items(&self, instance: InstanceId) -> Result<Vec<LineItemState>, StoreError>;

    /// The grants of these ids; those that are not found are left out.
    async fn grants_by_id(&self, instance: InstanceId, ids: &[GrantId]) -> Result<Vec<Grant>, StoreError>;

    /// Up to `limit` grants of this device, over all its places.
    async fn grants_of(
        &self,
        instance: InstanceId,
        device: &HostId,
        limit: u32,
    ) -> Result<Vec<Grant>, StoreError>;

    /// The grants, by id, which is by the time of their making. `search` looks at hostid and feature.
    async fn grants(
        &self,
        instance: InstanceId,
        filter: &GrantFilter,
        page: &PageQuery,
    ) -> Result<Page<Grant>, StoreError>;

    /// The devices, by hostid. `search` looks at hostid and alias.
    async fn devices(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<DeviceRow>, StoreError>;

    /// One device.
    async fn device(&self, instance: InstanceId, hostid: &HostId) -> Result<Option<DeviceRow>, StoreError>;

    /// The reservation groups, by name. `search` looks at the name.
    async fn groups(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<Group>, StoreError>;

    /// The activity, newest first. `search` looks at hostid and feature.
    async fn activity(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<Activity>, StoreError>;

    /// The clock that all processes share which use this store; `None` where this process is the only one.
    async fn time(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Moves the instance's counter on, where `me` holds it, nobody does, or it stands at `overdue`; says how
    /// it stands then.
    async fn beat(&self, instance: InstanceId, me: Uuid, overdue: Option<u64>) -> Result<Beat, StoreError>;

    /// Online grants whose floor deadline is at or before `now`, longest passed first.
    async fn silent(
        &self,
        instance: InstanceId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Silent>, StoreError>;

    /// Grants with a part that ends at or before `now`, earliest first; with `of`, only those with such a part of one of
    /// these line items.
    async fn overdue(
        &self,
        instance: InstanceId,
        now: Timestamp,
        of: Option<&[LineItemId]>,
        limit: u32,
    ) -> Result<Vec<GrantId>, StoreError>;

    /// Online grants alive.
    async fn count_online(&self, instance: InstanceId) -> Result<u64, StoreError>;

    /// Online grants whose floor deadline is at or before `by`.
    async fn count_silent(&self, instance: InstanceId, by: Timestamp) -> Result<u64, StoreError>;

    /// Moves floor deadlines forward, never back, where the fencing token still stands; their holders were
    /// heard, so nothing of the new deadline is unearned.
    async fn move_floors(
        &self,
        instance: InstanceId,
        floors: &[(GrantId, FencingToken, Timestamp)],
    ) -> Result<(), StoreError>;

    /// Moves floor deadlines forward where the fencing token still stands, and notes how much is unearned. One that
    /// is not later than what stands changes nothing: its holder was heard meanwhile.
    async fn promote(&self, instance: InstanceId, promotions: &[Promotion]) -> Result<(), StoreError>;

    /// Sets floor deadlines that are later than [`lease::latest_floor`](leasehold_domain::lease::latest_floor)
    /// to `now` and the server's patience: another clock wrote them. Says how many.
    async fn clamp_floors(&self, instance: InstanceId, now: Timestamp) -> Result<u64, StoreError>;

    /// Up to `limit` endings after the one at `after`, in their order. Those by their holder's wish
    /// ([`Lost::Returned`]) are not kept.
    async fn endings(&self, instance: InstanceId, after: u64, limit: u32) -> Result<Vec<Ending>, StoreError>;

    /// The endings of these grants, as far as they are still kept.
    async fn endings_of(&self, instance: InstanceId, grants: &[GrantId]) -> Result<Vec<Ending>, StoreError>;

    /// Forgets up to `limit` endings from before `before`; says how many.
    async fn forget_endings(
        &self,
        instance: InstanceId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// Waits until another process may have ended grants. Whoever waits looks at [`Self::endings`] by itself
    /// from time to time besides: a call may be missed.
    async fn woken(&self) {
        std::future::pending::<()>().await;
    }

    /// Forgets up to `limit` stored answers from before `before`; says how many.
    async fn forget_answers(
        &self,
        instance: InstanceId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// Forgets up to `limit` activity records from before `before`; says how many.
    async fn forget_activity(
        &self,
        instance: InstanceId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError>;
}

/// One transaction on one instance. Dropped without a commit, it leaves nothing behind.
#[async_trait]
pub trait LicensingBatch: Send {
    /// Claims request ids and returns the stored answers of those that came before.
    async fn claim(&mut self, ids: &[RequestId], now: Timestamp) -> Result<Vec<StoredAnswer>, StoreError>;

    /// The clock that all processes share, at a moment at which this transaction had its turn already, and the steps
    /// of it that were recorded; `None` where this process is the only one.
    async fn time(&mut self) -> Result<Option<StoreTime>, StoreError>;

    /// Records these as the steps of the clock, instead of what was recorded. The commit makes it so. Where
    /// [`Self::time`] is `None` nothing is recorded.
    async fn record_steps(&mut self, steps: &Steps) -> Result<(), StoreError>;

    /// Marks the instance as restored from a backup, or takes the mark away; says whether that changes anything. The
    /// commit makes it so.
    async fn set_restored(&mut self, restored: bool) -> Result<bool, StoreError>;

    /// How the instance stands, which no other transaction changes until the end of this one.
    async fn standing(&mut self) -> Result<Standing, StoreError>;

    /// Makes the instance this licence server. The commit makes it so.
    async fn set_enrolment(&mut self, enrolment: &Enrolment) -> Result<(), StoreError>;

    /// Notes the bundle that is in force. The commit makes it so. Without an enrolment it is a
    /// [`StoreError::Constraint`].
    async fn set_bundle(&mut self, bundle: &Bundle) -> Result<(), StoreError>;

    /// Suspends the instance, or resumes it. The commit makes it so.
    async fn set_suspension(&mut self, suspension: Option<&Suspension>) -> Result<(), StoreError>;

    /// The notices for clients, which no other transaction changes until the end of this one.
    async fn notices(&mut self) -> Result<Notices, StoreError>;

    /// Keeps a notice, in the place of the one with its key, and its number as the last. The commit makes it so.
    async fn put_notice(&mut self, notice: &Notice) -> Result<(), StoreError>;

    /// Takes the notice of this key away, if there is one. The commit makes it so.
    async fn remove_notice(&mut self, key: &str) -> Result<(), StoreError>;

    /// Loads what the batch touches, locked until the end of the transaction, with the vendor's leave, whether the
    /// instance is suspended, and whether it is marked as restored.
    async fn load(&mut self, touched: &Touched, policies: &Policies) -> Result<Estate, StoreError>;

    /// Claims these ids and loads what the batch touches, in one go where the store can.
    async fn claim_and_load(
        &mut self,
        ids: &[RequestId],
        touched: &Touched,
        policies: &Policies,
        now: Timestamp,
    ) -> Result<(Vec<StoredAnswer>, Estate), StoreError> {
        let answers = if ids.is_empty() { Vec::new() } else { self.claim(ids, now).await? };
        Ok((answers, self.load(touched, policies).await?))
    }

    /// Loads all line items and reservations, locked until the end of the transaction.
    async fn load_rights(&mut self) -> Result<Rights, StoreError>;

    /// Writes changes of rights and reservations; more may follow before the commit.
    async fn save_rights(&mut self, change: &RightsChange) -> Result<(), StoreError>;

    /// Writes every change with a constant number of statements, and the answers beside them, then commits: nothing can
    /// undo it, nor what it was based on.
    ///
    /// `now` is the time that answers and endings are kept under. A grant that is written has no unearned time
    /// behind it, and its device is known or comes with it: the grants of a device that is not known need not be found.
    async fn commit(
        self: Box<Self>,
        changes: &Changes,
        answers: &[StoredAnswer],
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The same, and may return when everybody sees the commit and a crash of the store could still undo it. Nobody may
    /// hear of it before [`LicensingStore::settle`]; batches that come meanwhile build upon it.
    async fn commit_early(
        self: Box<Self>,
        changes: &Changes,
        answers: &[StoredAnswer],
        now: Timestamp,
    ) -> Result<Pending, StoreError> {
        self.commit(changes, answers, now).await?;
        Ok(Pending::DURABLE)
    }

    /// Forgets a device that holds nothing. The commit makes it so; a device that holds something then stays.
    async fn remove_device(&mut self, hostid: &HostId) -> Result<(), StoreError>;
}
