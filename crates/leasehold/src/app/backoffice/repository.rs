//! The vendor's update repository, while its back office runs: served over HTTP, and signed anew before it ends.
//!
//! What is served are the files below `updates/repository`, as they were published: whoever reads verifies them. Not
//! responsible for publishing: the commands of `leasehold vendor updates` do that, also while this goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use leasehold_artifacts::{FolderUpstream, PublishError, Publisher};
use leasehold_backoffice::BackOffice;
use leasehold_proto::backoffice::v1::SetUpdateRepositoryRequest;
use leasehold_runtime::http::axum::Router;
use leasehold_runtime::http::axum::extract::{Path as UrlPath, State};
use leasehold_runtime::http::axum::http::{HeaderMap, StatusCode};
use leasehold_runtime::http::axum::response::{IntoResponse, Response};
use leasehold_runtime::http::axum::routing::get;
use leasehold_runtime::http::{Freshness, Options, Problem, Server};
use leasehold_runtime::{Background, Clock, Config};
use metrics::{Counter, counter, describe_counter};
use tokio_util::sync::CancellationToken;

use super::super::StartError;
use super::super::served::{Door, Served};
use super::answer::answer;

/// How often it is looked whether something is about to end: a small part of the shortest time that is half of a life.
const LOOKED_AT: Duration = Duration::from_hours(1);
const NAME: &str = "repository";
/// Who does it, for the audit log.
const ACTOR: &str = "server";
const RENEWALS: &str = "leasehold_backoffice_repository_renewals_total";

/// What people see who look at the address with a browser.
const FRONT: &str = "The update repository of a software vendor, for licence servers and other clients of TUF, which \
    verify what they read with the vendor's root. Served here:\n\n\
    /metadata/timestamp.json                 what is in force; it names the other metadata\n\
    /metadata/VERSION.root.json              the keys; the others likewise\n\
    /targets/PRODUCT/VERSION/HASH.FILE       the files, as the metadata names them\n";

/// Where the repository of a vendor's directory is.
pub fn updates_dir(vendor: &Path) -> PathBuf {
    vendor.join("updates")
}

/// Opens the listener, if there is a repository to serve.
pub(super) async fn open_door(config: &Config, vendor: &Path) -> Result<Option<Door>, StartError> {
    if !Publisher::is_in(&updates_dir(vendor)) {
        return Ok(None);
    }
    let listen = config.backoffice.repository_listen;
    Door::open_http(config, listen, "backoffice.repository_listen").await.map(Some)
}

/// Lets licence servers hear with their next bundle where the repository is, if that was said when it was made.
pub(super) async fn tell(back_office: &BackOffice, vendor: &Path) {
    let updates = updates_dir(vendor);
    let read = tokio::task::spawn_blocking(move || {
        let publisher = Publisher::open(&updates)?;
        let path = publisher.root()?;
        let root = std::fs::read(&path).map_err(|source| PublishError::Io { path, source })?;
        Ok::<_, PublishError>((publisher.address().to_owned(), root))
    });
    let (address, root) = match read.await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => return tracing::error!(%error, "licence servers are not told where updates are"),
        Err(error) => return tracing::error!(%error, "licence servers are not told where updates are"),
    };
    if address.is_empty() {
        return tracing::info!(
            "nobody has said where licence servers reach the update repository; they are not told"
        );
    }
    let message = SetUpdateRepositoryRequest { address, root };
    match back_office.set_update_repository(ACTOR, message).await {
        Ok(answer) if answer.changed => tracing::info!("licence servers will be told where updates are"),
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "licence servers are not told where updates are"),
    }
}

/// Serves it at this door, and signs it anew before it ends.
pub(super) fn serve(
    served: &mut Served,
    door: Door,
    (vendor, clock): (&Path, Arc<dyn Clock>),
    grace: Duration,
    background: &Background,
) {
    describe_counter!(
        RENEWALS,
        "Times that the update repository was signed anew, or should have been, by outcome."
    );
    // Shown from the start, so that the first one is seen as one more.
    for outcome in ["renewed", "failed"] {
        let _ = counter!(RENEWALS, "outcome" => outcome);
    }
    let updates = updates_dir(vendor);
    let router = router(&updates.join("repository"));
    served.serve_http(
        door,
        Server::new(NAME, router, Options { grace, ..Options::default() }),
        NAME,
        background,
    );
    background.spawn("repository_renewal", renew(updates, clock, background.stopping()));
}

fn router(repository: &Path) -> Router {
    Router::new()
        .route("/", get(async || FRONT))
        .route("/metadata/{name}", get(metadata))
        .route("/targets/{product}/{version}/{file}", get(target))
        .with_state(FolderUpstream::new(repository))
}

async fn metadata(
    State(repository): State<FolderUpstream>,
    UrlPath(name): UrlPath<String>,
    headers: HeaderMap,
) -> Response {
    // The one file that changes; every other one has its version in its name.
    let freshness = if name == "timestamp.json" { Freshness::Changes } else { Freshness::Never };
    let path = format!("metadata/{name}");
    if Path::new(&name).extension().is_none_or(|extension| extension != "json") {
        return missing(&path).into_response();
    }
    answered(&repository, &path, ("application/json", freshness), &headers).await
}

async fn target(
    State(repository): State<FolderUpstream>,
    UrlPath((product, version, file)): UrlPath<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let path = format!("targets/{product}/{version}/{file}");
    // Others are on their way in.
    let is_hashed =
        file.split_once('.').is_some_and(|(hash, _)| hash.parse::<leasehold_artifacts::Digest>().is_ok());
    if !is_hashed {
        return missing(&path).into_response();
    }
    answered(&repository, &path, ("application/octet-stream", Freshness::Never), &headers).await
}

async fn answered(
    repository: &FolderUpstream,
    path: &str,
    kind: (&'static str, Freshness),
    headers: &HeaderMap,
) -> Response {
    match answer(repository, path, kind, headers).await {
        Ok(Some(response)) => response,
        Ok(None) => missing(path).into_response(),
        Err(error) => {
            tracing::error!(%error, path, "a file of the update repository cannot be read");
            Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
    }
}

fn missing(path: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("the repository has no {path}"))
}

/// Looks now and then whether something is about to end.
async fn renew(updates: PathBuf, clock: Arc<dyn Clock>, stopping: CancellationToken) {
    let count = |outcome: &'static str| -> Counter { counter!(RENEWALS, "outcome" => outcome) };
    loop {
        let (folder, now) = (updates.clone(), clock.now());
        let renewed = tokio::task::spawn_blocking(move || {
            Publisher::open(&folder).and_then(|mut open| open.renew(now))
        });
        match renewed.await {
            Ok(Ok(true)) => {
                count("renewed").increment(1);
                tracing::info!("the update repository was signed anew");
            }
            // Nothing is about to end; or somebody publishes, which signs as well.
            Ok(Ok(false) | Err(PublishError::Locked { .. })) => {}
            Ok(Err(error)) => {
                count("failed").increment(1);
                tracing::error!(%error, "the update repository cannot be signed anew; it ends if that stays so");
            }
            Err(error) => tracing::error!(%error, "signing the update repository anew broke off"),
        }
        let waited = stopping.run_until_cancelled(tokio::time::sleep(LOOKED_AT)).await;
        if waited.is_none() {
            return;
        }
    }
}
