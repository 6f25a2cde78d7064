//! Counters: how the counts of one line item are divided, and what of them is free.
//!
//! A line item is divided into cells: one for each reservation entry and named pool that it fills,
//! and the default pool with the rest. Overdraft belongs to the default pool's cell alone, so that
//! its use never eats into what is set aside.
//!
//! A division made anew can leave a cell with more out than it is allocated. Until these counts return
//! they are shared use: they sit on what the default pool has left, then on overdraft, and only then on
//! what is set aside. Reference: licensing, "Cells".

use std::collections::BTreeMap;

use crate::ids::EntryId;
use crate::line_item::LineItem;

/// Where a count is charged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// What no reservation and no named pool took.
    Default,
    /// A reservation entry.
    Reservation(EntryId),
    /// A named pool.
    Pool(String),
}

/// One counter of a line item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Counts that it may give out, overdraft apart.
    pub allocated: u64,
    /// Counts out.
    pub used: u64,
}

/// A line item with its cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineItemState {
    /// The line item.
    pub item: LineItem,
    /// Its cells. A source without one has nothing allocated and nothing out.
    pub cells: BTreeMap<Source, Cell>,
}

/// Without limit: larger than any count and still safe to add to.
pub const UNLIMITED: u64 = u64::MAX / 4;

impl LineItemState {
    /// A line item of which nothing is out and nothing is set aside.
    pub fn new(item: LineItem) -> Self {
        let allocated = item.count.unwrap_or(0);
        Self { item, cells: BTreeMap::from([(Source::Default, Cell { allocated, used: 0 })]) }
    }

    /// The cell of a source.
    pub fn cell(&self, source: &Source) -> Cell {
        self.cells.get(source).copied().unwrap_or_default()
    }

    /// Counts out, over all cells.
    pub fn out(&self) -> u64 {
        self.cells.values().map(|cell| cell.used).sum()
    }

    /// Counts out on overdraft: shared use beyond what the default pool is allocated.
    pub fn overdraft_used(&self) -> u64 {
        if self.item.count.is_none() {
            return 0;
        }
        let allocated = self.cell(&Source::Default).allocated;
        self.shared_use().saturating_sub(allocated).min(self.overdraft_limit())
    }

    /// Counts out beyond count and overdraft, left over from before a bundle lowered them.
    pub fn overage(&self) -> u64 {
        self.out().saturating_sub(self.capacity())
    }

    /// Counts that it may have out: count plus overdraft.
    pub fn capacity(&self) -> u64 {
        self.item.count.map_or(UNLIMITED, |count| (count + self.overdraft_limit()).min(UNLIMITED))
    }

    /// Counts not out, overdraft included.
    pub fn free(&self) -> u64 {
        self.capacity().saturating_sub(self.out())
    }

    /// Plain counts not out: no cell can give more than this.
    pub fn headroom(&self) -> u64 {
        match self.item.count {
            Some(count) => count.saturating_sub(self.out() - self.overdraft_used()),
            None => UNLIMITED,
        }
    }

    /// Plain counts that a cell can give now.
    pub fn plain_free(&self, source: &Source) -> u64 {
        if self.item.count.is_none() {
            return if *source == Source::Default { UNLIMITED } else { 0 };
        }
        let cell = self.cell(source);
        let used = if *source == Source::Default { self.shared_use() } else { cell.used };
        cell.allocated.saturating_sub(used).min(self.headroom())
    }

    /// Counts that the default pool can give on overdraft, once its plain ones are gone.
    pub fn overdraft_free(&self) -> u64 {
        if self.item.count.is_none() {
            return 0;
        }
        let unused = self.overdraft_limit() - self.overdraft_used();
        unused.min(self.free().saturating_sub(self.plain_free(&Source::Default)))
    }

    /// Counts set aside by reservations and not out.
    pub fn reserved_idle(&self) -> u64 {
        self.idle_of(|_| true)
    }

    /// Counts set aside by the chosen reservation entries and not out.
    pub fn idle_of(&self, chosen: impl Fn(EntryId) -> bool) -> u64 {
        let idle = |(source, cell): (&Source, &Cell)| match source {
            Source::Reservation(entry) if chosen(*entry) => cell.allocated.saturating_sub(cell.used),
            _ => 0,
        };
        self.cells.iter().map(idle).sum::<u64>().min(self.headroom())
    }

    /// Counts out that reservations pay for.
    pub fn reserved_used(&self) -> u64 {
        self.reservations().map(|(_, cell)| cell.used).sum()
    }

    /// What the default pool gave, and what other cells gave beyond their allocation.
    fn shared_use(&self) -> u64 {
        let shared = |(source, cell): (&Source, &Cell)| match source {
            Source::Default => cell.used,
            Source::Reservation(_) | Source::Pool(_) => cell.used.saturating_sub(cell.allocated),
        };
        self.cells.iter().map(shared).sum()
    }

    fn reservations(&self) -> impl Iterator<Item = (&Source, &Cell)> {
        self.cells.iter().filter(|(source, _)| matches!(source, Source::Reservation(_)))
    }

    fn overdraft_limit(&self) -> u64 {
        self.item.overdraft_limit().unwrap_or(UNLIMITED)
    }
}
