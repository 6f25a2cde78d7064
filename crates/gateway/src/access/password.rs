//! Passwords: what is taken for one, and checking them without holding others up.

use std::sync::Arc;

use leasehold_runtime::ApiError;
use leasehold_runtime::http::Problem;
use leasehold_signing::PasswordHash;
use rand::rngs::StdRng;
use secrecy::{ExposeSecret as _, SecretString};

use crate::guard::invalid;
use crate::state::State;

/// Fewest characters. Source: NIST SP 800-63B, 3.1.1.2, where a password stands alone.
const FEWEST: usize = 12;
/// Most bytes: hashing takes longer for more.
const MOST: usize = 1_024;

/// The hash of nothing that anybody could type: a name that nobody has takes as long as one that somebody has.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$Hs6ukhT4Dwt1a1q5fhY6aVq0QPdyZ1tSFiY7rxY8uz0";

/// Refuses what is no good password, with what to do.
pub(crate) fn check(password: &SecretString) -> Result<(), Problem> {
    let text = password.expose_secret();
    if text.chars().count() < FEWEST {
        return Err(invalid("password", format!("give at least {FEWEST} characters; several words will do")));
    }
    if text.len() > MOST {
        return Err(invalid("password", format!("give at most {MOST} bytes")));
    }
    Ok(())
}

/// The hash of a good password.
pub(crate) async fn hash(state: &State, password: SecretString) -> Result<String, Problem> {
    check(&password)?;
    apart(state, move || PasswordHash::of(&password, &mut rand::make_rng::<StdRng>()).as_str().to_owned())
        .await
}

/// Whether the password is the one that was hashed; without a hash it never is, and takes as long.
pub(crate) async fn matches(
    state: &State,
    hash: Option<&str>,
    password: SecretString,
) -> Result<bool, Problem> {
    if password.expose_secret().len() > MOST {
        return Ok(false);
    }
    let known = hash.is_some();
    let hash = PasswordHash::parse(hash.unwrap_or(NOBODY))
        .map_err(|error| Problem::from(ApiError::internal(error)))?;
    Ok(apart(state, move || hash.matches(&password)).await? && known)
}

/// Runs slow work on a thread of its own, a few at a time.
async fn apart<T: Send + 'static>(
    state: &State,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let place = Arc::clone(&state.hashing).acquire_owned().await.expect("it is never closed");
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    });
    done.await.map_err(|error| ApiError::internal(error).into())
}
