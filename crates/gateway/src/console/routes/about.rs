//! What runs here, and how its parts are.

use axum::response::Response;
use http::{HeaderMap, header};
use leasehold_runtime::http::{Problem, axum};

use crate::Config;
use crate::console::answer::{page, sentence};
use crate::console::pages::administration::{AboutPage, FactGroup, ServiceRow};
use crate::console::parts::Tone;
use crate::console::shell::Section;
use crate::console::visit::{INSTANCE, Visit};
use crate::console::words::plain;
use crate::health::ServiceHealth;

/// The page. It works whatever is away: it is where one looks then.
#[expect(clippy::too_many_lines, reason = "one table, row by row")]
pub(crate) async fn show(visit: Visit, headers: HeaderMap) -> Result<Response, Problem> {
    let services = visit.services();
    let (shell, instance, sync, health) = tokio::join!(
        visit.shell("About", Section::About),
        services.instance(INSTANCE),
        services.sync_status(INSTANCE),
        visit.state.health.services(),
    );
    let version = visit.state.config.version.clone();
    let licensing = instance.as_ref().map(|instance| instance.version.clone()).unwrap_or_default();
    let mut rows: Vec<ServiceRow> = health
        .iter()
        .map(|service| row(service, version_of(service.name, &licensing, &visit.state.config)))
        .collect();
    rows.push(ServiceRow {
        name: "gateway".to_owned(),
        tone: Tone::Good,
        state: "healthy".to_owned(),
        detail: String::new(),
        version: version.clone(),
    });
    let mut here = Vec::new();
    if let Ok(instance) = instance {
        here.push(("Name", instance.name, false));
        here.push(("Id", instance.instance_id, true));
        here.push(("State", plain(&instance.status), false));
        here.extend(instance.hostid.map(|hostid| ("Host id", hostid, true)));
        here.push(("Other host ids", instance.detected_hostids.join(", "), true));
        here.extend(instance.server_time.map(|at| ("Its clock", visit.when(at).exact(), false)));
    }
    if let Ok(sync) = sync {
        here.extend(sync.fingerprint.map(|fingerprint| ("Fingerprint", fingerprint, true)));
    }
    here.retain(|(_, value, _)| !value.is_empty());
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let visitor = &visit.who.visitor;
    let mut groups = vec![
        FactGroup { title: "This instance", facts: here },
        FactGroup {
            title: "Your browser",
            facts: vec![
                ("Comes from", visitor.address.to_string(), true),
                (
                    "Way here",
                    if visitor.secure { "encrypted" } else { "plain text, on this machine" }.to_owned(),
                    false,
                ),
                ("Calls us", visitor.host.clone().unwrap_or_default(), true),
                ("Calls itself", text(header::USER_AGENT), true),
            ],
        },
    ];
    groups.retain(|group| !group.facts.is_empty());
    page(&AboutPage { shell, facts: format!("Leasehold {version}"), services: rows, groups })
}

/// A service's version: its own word, or ours where it runs in this process.
fn version_of(service: &str, licensing: &str, config: &Config) -> String {
    match service {
        "licensing" if !licensing.is_empty() => licensing.to_owned(),
        name if config.beside.contains(&name) => config.version.clone(),
        _ => "runs elsewhere and does not say".to_owned(),
    }
}

fn row(service: &ServiceHealth, version: String) -> ServiceRow {
    ServiceRow {
        name: service.name.to_owned(),
        tone: if service.ok { Tone::Good } else { Tone::Bad },
        state: if service.ok { "healthy" } else { "away" }.to_owned(),
        detail: service.message.as_deref().map(sentence).unwrap_or_default(),
        version,
    }
}
