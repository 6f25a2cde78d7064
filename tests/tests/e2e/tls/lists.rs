//! Each method and each caller: the lists, complete.

use leasehold::certs::Pair;
use leasehold_client::Client;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Code;

use super::{Site, ask, ask_for_administrator, connect, loopback, reason, start, today};

/// The methods for other services, and for which.
const INTERNAL: [(&str, &[&str]); 12] = [
    ("EnrolInstance", &["sync"]),
    ("ApplyBundle", &["sync"]),
    ("ListUsageRecords", &["sync"]),
    ("AcknowledgeUsage", &["sync"]),
    ("ExportState", &["sync"]),
    ("ImportState", &["sync"]),
    ("PublishNotice", &["updates"]),
    ("WithdrawNotice", &["updates"]),
    ("CheckLicensed", &["updates"]),
    ("ListEvents", &["gateway"]),
    ("CertifyAnswerKey", &["licensing", "updates"]),
    ("GetUpdateRepository", &["updates"]),
];
/// The methods for administrators are for these.
const ADMINISTRATORS: [&str; 2] = ["gateway", "admin"];
/// A method for administrators that these services call too, to learn which instances there are.
const LOOKED_AT: (&str, [&str; 2]) = ("GetInstance", ["sync", "updates"]);
/// Everybody that the CA knows.
const EVERYBODY: [&str; 7] = ["licensing", "updates", "sync", "gateway", "backoffice", "admin", "client"];

/// Every method of the contract, with the service's name and its own.
fn methods() -> Vec<(String, String)> {
    let set = FileDescriptorSet::decode(leasehold_proto::DESCRIPTOR_SET).unwrap();
    let services = set.file.into_iter().flat_map(|file| file.service);
    let named = services.flat_map(|service| {
        let name = service.name().to_owned();
        service.method.into_iter().map(move |method| (name.clone(), method.name().to_owned()))
    });
    let is_ours = |service: &str| service.starts_with("Licensing") || service.starts_with("Sync");
    let found: Vec<_> = named.filter(|(service, _)| is_ours(service)).collect();
    assert!(found.len() > 50, "{found:?}");
    found
}

/// Whether the caller is to be let in; `None` for one without a certificate.
fn is_allowed(service: &str, method: &str, caller: Option<&str>) -> bool {
    match service {
        "LicensingService" => true,
        "LicensingAdminService" | "SyncService" => {
            let looks = |caller: &&str| LOOKED_AT.1.contains(caller) && method == LOOKED_AT.0;
            caller.is_some_and(|caller| looks(&caller) || ADMINISTRATORS.contains(&caller))
        }
        "LicensingInternalService" | "SyncInternalService" => {
            let list = INTERNAL.iter().find(|(name, _)| *name == method);
            let (_, allowed) = list.unwrap_or_else(|| panic!("{method} is on no list"));
            caller.is_some_and(|caller| allowed.contains(&caller))
        }
        other => panic!("{other} is on no list"),
    }
}

/// Clients of both services, as one caller.
struct Clients {
    licensing: Client,
    sync: Client,
}

impl Clients {
    async fn of(site: &Site, shown: Option<&Pair>) -> Self {
        let tls = site.tls(shown);
        let licensing = connect(site.address(), Some(tls.clone())).await;
        Self { licensing, sync: connect(site.sync_address(), Some(tls)).await }
    }

    /// The one for a service, and the path of its method.
    fn at(&self, service: &str, method: &str) -> (&Client, String) {
        let (client, package) =
            if service.starts_with("Sync") { (&self.sync, "sync") } else { (&self.licensing, "licensing") };
        (client, format!("/leasehold.{package}.v1.{service}/{method}"))
    }
}

/// Whether the gateway needs somebody to call this for.
fn is_for_administrators(service: &str) -> bool {
    ["LicensingAdminService", "SyncService"].contains(&service)
}

async fn check(clients: &Clients, caller: Option<&str>) {
    for (service, method) in methods() {
        let (client, path) = clients.at(&service, &method);
        let mut error = ask(client, &path).await;
        if caller == Some("gateway") && is_for_administrators(&service) {
            // It has no right of its own.
            assert_eq!(reason(error.as_ref()).as_deref(), Some("ACTOR_MISSING"), "{path}: {error:?}");
            error = ask_for_administrator(client, &path).await;
        }
        let found = reason(error.as_ref()).unwrap_or_default();
        if is_allowed(&service, &method, caller) {
            let refused = ["UNAUTHENTICATED", "PERMISSION_DENIED"].contains(&found.as_str());
            assert!(!refused, "{caller:?} may call {path}: {error:?}");
            // Nothing else may stand between the caller and the method.
            assert_ne!(error.as_ref().map(tonic::Status::code), Some(Code::Unavailable), "{path}: {error:?}");
            continue;
        }
        let (reason, code) = match caller {
            None => ("UNAUTHENTICATED", Code::Unauthenticated),
            Some(_) => ("PERMISSION_DENIED", Code::PermissionDenied),
        };
        let error = error.unwrap_or_else(|| panic!("{caller:?} must not call {path}"));
        assert_eq!((found.as_str(), error.code()), (reason, code), "{caller:?} at {path}: {error:?}");
        assert!(error.message().contains(&path), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_without_a_certificate_calls_only_what_anybody_may() {
    let site = Site::serve(&[]).await;
    check(&Clients::of(&site, None).await, None).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_calls_only_what_is_for_it() {
    let site = Site::serve(&[]).await;
    for name in EVERYBODY {
        let shown = site.authority.caller(name, today()).unwrap();
        check(&Clients::of(&site, Some(&shown)).await, Some(name)).await;
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_message_says_who_may_and_who_came() {
    let site = Site::serve(&[]).await;
    let shown = site.authority.caller("updates", today()).unwrap();
    let client = site.client(Some(&shown)).await;
    let error = ask(&client, "/leasehold.licensing.v1.LicensingInternalService/ApplyBundle").await.unwrap();
    assert!(error.message().contains("the service updates may not call"), "{error:?}");
    assert!(error.message().contains("for the service sync"), "{error:?}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_makes_nobody_anybody() {
    let site = Site::serve(&[]).await;
    let mut admin = site.client(None).await.admin();
    let mut request = tonic::Request::new(leasehold_proto::licensing::v1::GetInstanceRequest::default());
    for (name, value) in [
        ("caller", "admin"),
        ("actor", "admin"),
        ("x-forwarded-client-cert", "URI=leasehold://service/admin"),
    ] {
        request.metadata_mut().insert(name, value.parse().unwrap());
    }
    let error = admin.get_instance(request).await.unwrap_err();
    assert_eq!(reason(Some(&error)).as_deref(), Some("UNAUTHENTICATED"));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_can_be_made_to_count_as_a_service() {
    let uri = "leasehold://service/billing";
    let mapping = format!("{uri} = gateway");
    let site = Site::serve(&[("security.callers", &mapping)]).await;
    let shown = site.authority.caller("billing", today()).unwrap();
    let client = site.client(Some(&shown)).await;
    let error =
        ask_for_administrator(&client, "/leasehold.licensing.v1.LicensingAdminService/GetInstance").await;
    assert!(error.is_none(), "{error:?}");
    let error = ask(&client, "/leasehold.licensing.v1.LicensingInternalService/ApplyBundle").await;
    assert_eq!(reason(error.as_ref()).as_deref(), Some("PERMISSION_DENIED"));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_plain_text_loopback_server_everybody_is_local() {
    let running = start(&[], loopback()).await.unwrap();
    let (licensing, sync) = (connect(running.licensing_addr(), None), connect(running.sync_addr(), None));
    let clients = Clients { licensing: licensing.await, sync: sync.await };
    for (service, method) in methods() {
        let (client, path) = clients.at(&service, &method);
        let error = ask(client, &path).await;
        let found = reason(error.as_ref()).unwrap_or_default();
        assert!(!["UNAUTHENTICATED", "PERMISSION_DENIED"].contains(&found.as_str()), "{path}: {error:?}");
    }
    running.stop().await.unwrap();
}
