//! A checkout under way, from the first attempt to the guard.
//!
//! It runs in a task of its own: a program that stops waiting must not leave a grant behind that nobody
//! keeps up or returns.

use std::sync::Arc;
use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::answer::{Granted, Reading};
use crate::client::Inner;
use crate::error::{CallError, CheckoutError};
use crate::guard::Guard;
use crate::holding::{Holding, Terms};
use crate::keeper::Command;
use crate::options::Retry;
use crate::place::Place;
use crate::retry::{self, Answered, GaveUp, attempt};

/// How a request that was given up is cleared up, and for how long.
const CLEAR_UP: Retry = Retry {
    max_attempts: 3,
    attempt_timeout: Duration::from_secs(10),
    first_delay: Duration::from_secs(5),
    max_delay: Duration::from_mins(1),
};
const CLEAR_UP_TIME: Duration = Duration::from_mins(10);

/// A checkout under way.
pub(crate) struct Establish {
    pub(crate) client: Arc<Inner>,
    pub(crate) feature: Box<str>,
    pub(crate) borrows: bool,
    pub(crate) request: pb::RequestCapabilitiesRequest,
    pub(crate) place: Place,
}

impl Establish {
    /// Asks, and tells `reply` what came of it.
    pub(crate) async fn run(self, reply: oneshot::Sender<Result<Guard, CheckoutError>>) {
        let options = self.client.options.clone();
        match self.ask(&options.retry, options.call_timeout).await {
            Ok(answered) => {
                if let Err(Ok(guard)) = reply.send(self.read(&answered)) {
                    guard.give_back();
                }
            }
            Err(gave_up) => {
                let error = CallError::new(&options.server, gave_up.failure);
                let _ = reply.send(Err(error.into()));
                if gave_up.may_have_acted {
                    self.clear_up().await;
                }
            }
        }
    }

    /// The server may have granted what nobody waits for any more: learns it, and returns it. The place
    /// stays taken meanwhile, so that no newer grant gets in between.
    async fn clear_up(self) {
        if let Ok(answered) = self.ask(&CLEAR_UP, CLEAR_UP_TIME).await
            && let Ok(guard) = self.read(&answered)
        {
            guard.give_back();
        }
    }

    async fn ask(
        &self,
        retry: &Retry,
        time: Duration,
    ) -> Result<Answered<pb::RequestCapabilitiesResponse>, GaveUp> {
        let rpc = LicensingServiceClient::new(self.client.channel.clone());
        retry::call(retry, time, |time| {
            let mut rpc = rpc.clone();
            attempt(
                time,
                self.request.clone(),
                |request| async move { rpc.request_capabilities(request).await },
            )
        })
        .await
    }

    fn read(self, answered: &Answered<pb::RequestCapabilitiesResponse>) -> Result<Guard, CheckoutError> {
        match Reading::of(&answered.message, &self.feature) {
            Reading::Granted(granted) => Ok(self.guard(granted, answered.sent)),
            Reading::Refused { error, .. } | Reading::WholeRequestRefused { error, .. } => Err(error),
            Reading::Kept(_) => Err(CallError::not_understood("it keeps what was not held").into()),
            Reading::NotUnderstood(error) => Err(error.into()),
        }
    }

    fn guard(self, granted: Granted, sent: Instant) -> Guard {
        let Self { client, feature, borrows, request, place } = self;
        let terms = Terms { feature, request, grace: client.options.grace, place };
        let holding = Holding::new(terms, granted, sent, Instant::now(), rand::random());
        let (id, shown) = (client.next_id(), holding.shown());
        // Without a keeper the runtime is ending; the guard shows how the lease runs out.
        let _ = client.commands.send(Command::Hold(id, Box::new(holding)));
        Guard::new(id, shown, borrows, client.commands.clone())
    }
}
