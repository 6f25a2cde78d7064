//! The death of a process at one point of its work: from there on nothing of it comes any further.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts the points that a process comes to, and stops it for ever at one of them.
#[derive(Debug)]
pub struct Fuse {
    left: AtomicUsize,
    blown: Notify,
}

impl Fuse {
    /// Blows at the point of this number, from 0.
    pub fn at(point: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(point), blown: Notify::new() })
    }

    /// One that never blows.
    pub fn never() -> Arc<Self> {
        Self::at(usize::MAX)
    }

    /// A point. Whoever is here when it blows, or comes later, does not go on.
    pub async fn point(&self) {
        let taken = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if taken.is_err() {
            self.blown.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Waits until it has blown.
    pub async fn blown(&self) {
        self.blown.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_to_its_point_or_after_goes_no_further() {
        let fuse = Fuse::at(1);
        fuse.point().await;
        let stuck = [tokio::spawn(point(&fuse)), tokio::spawn(point(&fuse))];
        fuse.blown().await;
        tokio::task::yield_now().await;
        assert!(stuck.iter().all(|task| !task.is_finished()));
        Fuse::never().point().await;
    }

    fn point(fuse: &Arc<Fuse>) -> impl Future<Output = ()> + use<> {
        let fuse = Arc::clone(fuse);
        async move { fuse.point().await }
    }
}
