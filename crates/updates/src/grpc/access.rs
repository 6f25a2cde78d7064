//! Who may call what, besides programs on the same machine. What is not named here nobody else may.
//! Reference: `docs/reference/security.md`, "Who may call what" and "Administrators".

use leasehold_runtime::{Access, Role};

macro_rules! admin {
    ($method:literal) => {
        concat!("/leasehold.updates.v1.UpdateAdminService/", $method)
    };
}

macro_rules! upstream {
    ($method:literal) => {
        concat!("/leasehold.updates.v1.UpstreamService/", $method)
    };
}

/// For administrators with one of these roles.
const fn administrators(roles: &'static [Role]) -> Access {
    Access::Administrators { services: &["gateway", "admin"], roles }
}

const READ: Access = administrators(&Role::ALL);
const OPERATE: Access = administrators(&[Role::Operator]);

/// Services and methods, each with those who may call it. What clients call asks licensing about the device, and then
/// gives a ticket.
pub(super) const ACCESS: &[(&str, Access)] = &[
    ("leasehold.updates.v1.UpdateClientService", Access::Anyone),
    (admin!("ListProducts"), READ),
    (admin!("ListReleases"), READ),
    (admin!("ListClients"), READ),
    (admin!("GetClient"), READ),
    (upstream!("GetStatus"), READ),
    (upstream!("SyncNow"), OPERATE),
    (upstream!("TestConnection"), OPERATE),
];

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_method_for_administrators_has_its_list() {
        let set = FileDescriptorSet::decode(leasehold_proto::DESCRIPTOR_SET).unwrap();
        let services = set.file.iter().filter(|file| file.package() == "leasehold.updates.v1");
        let services =
            services.flat_map(|file| &file.service).filter(|it| it.name() != "UpdateClientService");
        let mut methods = 0;
        for service in services {
            for method in &service.method {
                methods += 1;
                let path = format!("/leasehold.updates.v1.{}/{}", service.name(), method.name());
                let (_, access) =
                    ACCESS.iter().find(|(what, _)| *what == path).unwrap_or_else(|| panic!("{path}"));
                let Access::Administrators { roles, .. } = access else { panic!("{path} is for others") };
                let reads = ["Get", "List"].iter().any(|start| method.name().starts_with(start));
                assert_eq!(roles.contains(&Role::Viewer), reads, "{path}");
            }
        }
        assert_eq!(methods, 7);
    }
}
