//! A server that signs, and clients that have pinned its vendor's root key.

use leasehold_client::{Checkout, CheckoutError, Client, Options, Unverified};
use leasehold_proto::licensing::v1 as pb;

use crate::clock::Clock;
use crate::fake::{Act, Fake, Vendor, said};
use crate::link::{Link, options};

/// The server, and a client.
pub(crate) struct Pinned {
    pub(crate) fake: Fake,
    pub(crate) client: Client,
    pub(crate) vendor: Vendor,
    /// The server's.
    pub(crate) clock: Clock,
}

impl Pinned {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let (clock, own) = (Clock::new(), Clock::new());
        let vendor = Vendor::new(1, 7, clock.now());
        let fake = Fake::signing(vendor.clone(), clock.clone());
        let link = Link::to(&fake);
        let mut options = pinning(&vendor, &own);
        change(&mut options);
        let client = Client::over(link.channel(), options).await.unwrap();
        Self { fake, client, vendor, clock }
    }

    /// Why a checkout is not believed whose answer `change` has changed.
    pub(crate) async fn refused(
        &self,
        change: impl FnOnce(&mut pb::RequestCapabilitiesResponse) + Send + 'static,
    ) -> Unverified {
        self.fake.next([Act::forge(change)]);
        self.problem().await
    }

    /// Why the next checkout is not believed.
    pub(crate) async fn problem(&self) -> Unverified {
        match self.client.checkout(Checkout::new("solver")).await.unwrap_err() {
            CheckoutError::Unverified { server, problem } => {
                assert_eq!(server.host(), "licences");
                problem
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Options of a client that has pinned this vendor's root, on a machine with this clock.
pub(crate) fn pinning(vendor: &Vendor, own: &Clock) -> Options {
    let mut options = options();
    (options.vendor_root, options.wall_clock) = (Some(vendor.root()), own.wall());
    options
}

/// Changes what is signed, and signs it anew.
pub(crate) fn resigned(
    vendor: &Vendor,
    change: impl FnOnce(&mut pb::CapabilityAnswer) + Send + 'static,
) -> impl FnOnce(&mut pb::RequestCapabilitiesResponse) + Send + 'static {
    let vendor = vendor.clone();
    move |response| {
        let mut answer = said(response);
        change(&mut answer);
        response.signed = Some(vendor.sign(&answer));
    }
}
