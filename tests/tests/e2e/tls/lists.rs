//! Each method and each caller: the lists, complete.

use leasehold_client::Client;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Code;

use super::{Site, ask, loopback, reason, start, today};

/// The methods for other services, and for which.
const INTERNAL: [(&str, &str); 8] = [
    ("ApplyBundle", "sync"),
    ("ListUsageRecords", "sync"),
    ("AcknowledgeUsage", "sync"),
    ("ExportState", "sync"),
    ("ImportState", "sync"),
    ("PublishNotice", "updates"),
    ("CheckLicensed", "updates"),
    ("ListEvents", "gateway"),
];
/// The methods for administrators are for these.
const ADMINISTRATORS: [&str; 2] = ["gateway", "admin"];
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
    let found: Vec<_> = named.filter(|(service, _)| service.starts_with("Licensing")).collect();
    assert!(found.len() > 40, "{found:?}");
    found
}

/// Whether the caller is to be let in; `None` for one without a certificate.
fn is_allowed(service: &str, method: &str, caller: Option<&str>) -> bool {
    match service {
        "LicensingService" => true,
        "LicensingAdminService" => caller.is_some_and(|caller| ADMINISTRATORS.contains(&caller)),
        "LicensingInternalService" => {
            let list = INTERNAL.iter().find(|(name, _)| *name == method);
            let (_, allowed) = list.unwrap_or_else(|| panic!("{method} is on no list"));
            caller == Some(allowed)
        }
        other => panic!("{other} is on no list"),
    }
}

async fn check(client: &Client, caller: Option<&str>) {
    for (service, method) in methods() {
        let path = format!("/leasehold.licensing.v1.{service}/{method}");
        let error = ask(client, &path).await;
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
    check(&site.client(None).await, None).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_calls_only_what_is_for_it() {
    let site = Site::serve(&[]).await;
    for name in EVERYBODY {
        let shown = site.authority.caller(name, today()).unwrap();
        check(&site.client(Some(&shown)).await, Some(name)).await;
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
    client.admin().get_instance(leasehold_proto::licensing::v1::GetInstanceRequest::default()).await.unwrap();
    let error = ask(&client, "/leasehold.licensing.v1.LicensingInternalService/ApplyBundle").await;
    assert_eq!(reason(error.as_ref()).as_deref(), Some("PERMISSION_DENIED"));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_plain_text_loopback_server_everybody_is_local() {
    let running = start(&[], loopback()).await.unwrap();
    let client = super::connect(running.licensing_addr(), None).await;
    for (service, method) in methods() {
        let path = format!("/leasehold.licensing.v1.{service}/{method}");
        let error = ask(&client, &path).await;
        let found = reason(error.as_ref()).unwrap_or_default();
        assert!(!["UNAUTHENTICATED", "PERMISSION_DENIED"].contains(&found.as_str()), "{path}: {error:?}");
    }
    running.stop().await.unwrap();
}
