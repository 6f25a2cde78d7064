//! How much a replay has compared.

/// How much was compared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Requests that were answered, previews apart.
    pub(crate) answered: usize,
    /// Outcomes in them that gave something.
    pub(crate) granted: usize,
    /// Outcomes in them that did not.
    pub(crate) refused: usize,
    /// Previews that were answered.
    pub(crate) previews: usize,
    /// Answers that were heard again and compared byte for byte.
    pub(crate) repeats: usize,
    /// Sendings of which nothing was heard.
    pub(crate) unheard: usize,
    /// Requests that had to be rejected, and were.
    pub(crate) rejected: usize,
    /// Grants that were returned by a release.
    pub(crate) released: usize,
    /// Heartbeats that found a lease alive.
    pub(crate) alive: usize,
    /// Uses of old tokens that were refused.
    pub(crate) fenced: usize,
    /// Grants held in the end.
    pub(crate) held: usize,
}
