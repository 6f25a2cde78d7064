//! How much a replay has compared.

/// How much was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Requests that were answered, previews apart.
    pub answered: usize,
    /// Outcomes in them that gave something.
    pub granted: usize,
    /// Outcomes in them that did not.
    pub refused: usize,
    /// Previews that were answered.
    pub previews: usize,
    /// Answers that were heard again and compared byte for byte.
    pub repeats: usize,
    /// Sendings of which nothing was heard.
    pub unheard: usize,
    /// Requests that had to be rejected, and were.
    pub rejected: usize,
    /// Grants that were returned by a release.
    pub released: usize,
    /// Heartbeats that found a lease alive.
    pub alive: usize,
    /// Uses of old tokens that were refused.
    pub fenced: usize,
    /// Grants that the server took back or ended by itself.
    pub ended: usize,
    /// Grants held in the end.
    pub held: usize,
}
