//! When a batch begins: at once while nothing is on its way to the disk, else when as many wait as the last one had.
//!
//! Every batch has a cost of its own, however small it is, and while the disk is busy with the one before nobody gains
//! by a small one. Not responsible for what is in it.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::Job;

/// Batches that are committed and not settled yet, as both sides see them.
#[derive(Clone, Debug)]
pub(super) struct Unsettled(Arc<watch::Sender<usize>>);

impl Unsettled {
    /// None.
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// One more was committed.
    pub(super) fn add(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// So many were settled, or lost.
    pub(super) fn remove(&self, batches: usize) {
        self.0.send_modify(|count| *count = count.saturating_sub(batches));
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        *self.0.borrow()
    }

    async fn none(&self) {
        // Whoever could end the wait with an error is this value itself.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// Adds to the jobs of a batch until it is time to begin.
pub(super) async fn gather(
    jobs: &mut Vec<Job>,
    receiver: &mut mpsc::Receiver<Job>,
    unsettled: &Unsettled,
    enough: usize,
    limit: usize,
) {
    while jobs.len() < enough.min(limit) {
        let room = limit - jobs.len();
        tokio::select! {
            biased;
            () = unsettled.none() => {
                while jobs.len() < limit && let Ok(job) = receiver.try_recv() {
                    jobs.push(job);
                }
                return;
            }
            taken = receiver.recv_many(jobs, room) => if taken == 0 { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Work;
    use super::*;
    use futures::FutureExt;
    use tokio::sync::oneshot;

    fn job() -> Job {
        let (reply, _) = oneshot::channel();
        Job { work: Arc::new(Work::Release { grants: Vec::new() }), deadline: None, reply, caller: None }
    }

    /// How many jobs a batch begins with that has one, while so many more wait; `None` where it does not begin.
    fn begins_with(waiting: usize, unsettled: &Unsettled, enough: usize, limit: usize) -> Option<usize> {
        let (sender, mut receiver) = mpsc::channel(100);
        for _ in 0..waiting {
            assert!(sender.try_send(job()).is_ok());
        }
        let mut jobs = vec![job()];
        gather(&mut jobs, &mut receiver, unsettled, enough, limit).now_or_never().map(|()| jobs.len())
    }

    #[test]
    fn a_batch_begins_at_once_while_nothing_is_on_its_way_to_the_disk() {
        let unsettled = Unsettled::new();
        assert_eq!(begins_with(0, &unsettled, 10, 50), Some(1));
        assert_eq!(begins_with(5, &unsettled, 10, 50), Some(6), "with all that wait");
        assert_eq!(begins_with(60, &unsettled, 70, 50), Some(50), "and no more than it may have");
    }

    #[test]
    fn else_it_waits_for_as_many_as_the_last_one_had() {
        let unsettled = Unsettled::new();
        unsettled.add();
        assert_eq!(begins_with(5, &unsettled, 10, 50), None);
        assert_eq!(begins_with(9, &unsettled, 10, 50), Some(10));
        assert_eq!(begins_with(60, &unsettled, 70, 50), Some(50));
        unsettled.add();
        unsettled.remove(1);
        assert_eq!(begins_with(5, &unsettled, 10, 50), None);
        unsettled.remove(1);
        assert_eq!(begins_with(5, &unsettled, 10, 50), Some(6));
    }

    #[tokio::test]
    async fn the_wait_ends_when_the_disk_has_everything() {
        let (unsettled, (_sender, mut receiver)) = (Unsettled::new(), mpsc::channel(1));
        unsettled.add();
        let mut jobs = vec![job()];
        let mut waits = Box::pin(gather(&mut jobs, &mut receiver, &unsettled, 10, 50));
        assert!(waits.as_mut().now_or_never().is_none());
        unsettled.remove(1);
        waits.await;
        assert_eq!(jobs.len(), 1);
    }
}
