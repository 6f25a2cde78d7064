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
use crate::answers::Key;
use crate::client::Inner;
use crate::error::{CallError, CheckoutError};
use crate::guard::Guard;
use crate::holding::{Holding, Sent, Terms};
use crate::keeper::Command;
use crate::kept::{KeptError, Standing};
use crate::options::Retry;
use crate::place::Place;
use crate::retry::{self, Answered, GaveUp, attempt};
use crate::verify::Seen;

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
    /// What the last good answer is kept under; `None` where none is kept.
    pub(crate) key: Option<Key>,
}

impl Establish {
    /// Asks, and tells `reply` what came of it.
    pub(crate) async fn run(self, reply: oneshot::Sender<Result<Guard, CheckoutError>>) {
        let options = self.client.options.clone();
        // Before it is first sent: whatever is seen later may be newer than its answer.
        let seen = self.client.reader.seen();
        match self.ask(&options.retry, options.call_timeout).await {
            Ok(answered) => {
                if let Err(Ok(guard)) = reply.send(self.read(answered, seen).await) {
                    guard.give_back();
                }
            }
            Err(gave_up) => self.without_answer(gave_up, seen, reply).await,
        }
    }

    /// No answer came: what was held before can be taken up again, if the last good answer allows it.
    async fn without_answer(
        self,
        gave_up: GaveUp,
        seen: Seen,
        reply: oneshot::Sender<Result<Guard, CheckoutError>>,
    ) {
        let GaveUp { failure, may_have_acted, sent } = gave_up;
        // Nobody who stopped waiting takes anything up.
        let kept = if failure.is_outage() && !reply.is_closed() { self.kept().await } else { None };
        let error = CallError::new(&self.client.options.server, failure);
        match kept {
            Some(Ok(standing)) => {
                tracing::warn!(
                    client.server = %self.client.options.server,
                    grant.feature = %self.feature,
                    %error,
                    "the program works by its last good answer"
                );
                let request = self.request.clone();
                let unanswered = sent.filter(|_| may_have_acted).map(|at| Sent { request, at, seen });
                // Where nobody takes it, it is dropped like any other guard.
                let _ = reply.send(Ok(self.take_up(standing, unanswered)));
                return;
            }
            Some(Err(kept)) => {
                let _ = reply.send(Err(CheckoutError::out_of_reach(error, kept)));
            }
            None => {
                let _ = reply.send(Err(error.into()));
            }
        }
        if may_have_acted {
            self.clear_up(seen).await;
        }
    }

    /// The server may have granted what nobody waits for any more: learns it, and returns it. The place
    /// stays taken meanwhile, so that no newer grant gets in between.
    async fn clear_up(self, seen: Seen) {
        if let Ok(answered) = self.ask(&CLEAR_UP, CLEAR_UP_TIME).await
            && let Ok(guard) = self.read(answered, seen).await
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

    async fn kept(&self) -> Option<Result<Standing, KeptError>> {
        self.client.reader.standing(&self.request, self.key.as_ref()?).await
    }

    async fn read(
        self,
        answered: Answered<pb::RequestCapabilitiesResponse>,
        seen: Seen,
    ) -> Result<Guard, CheckoutError> {
        let sent = Sent { request: self.request.clone(), at: answered.sent, seen };
        let reading =
            self.client.reader.read(&sent, &self.feature, self.key.as_ref(), answered.message).await;
        match reading {
            Ok(Reading::Granted(granted)) => Ok(self.guard(granted, answered.sent)),
            Ok(Reading::Refused { error, .. } | Reading::WholeRequestRefused { error, .. }) => Err(error),
            Ok(Reading::Kept(_)) => Err(CallError::not_understood("it keeps what was not held").into()),
            Ok(Reading::NotUnderstood(error)) => Err(error.into()),
            // What may be granted has no holder then, and its lease runs out: nothing in such an answer is believed,
            // the reference by which to return it neither.
            Err(problem) => {
                Err(CheckoutError::Unverified { server: self.client.options.server.clone(), problem })
            }
        }
    }

    fn guard(self, granted: Granted, sent: Instant) -> Guard {
        self.hold(|terms| Holding::new(terms, granted, sent, Instant::now(), rand::random()))
    }

    fn take_up(self, standing: Standing, unanswered: Option<Sent>) -> Guard {
        self.hold(|terms| Holding::resumed(terms, standing, unanswered, Instant::now(), rand::random()))
    }

    fn hold(self, begin: impl FnOnce(Terms) -> Holding) -> Guard {
        let Self { client, feature, borrows, request, place, key } = self;
        let holding = begin(Terms { feature, request, grace: client.options.grace, place, key });
        let (id, shown) = (client.next_id(), holding.shown());
        // Without a keeper the runtime is ending; the guard shows how the lease runs out.
        let _ = client.commands.send(Command::Hold(id, Box::new(holding)));
        Guard::new(id, shown, borrows, client.commands.clone())
    }
}
