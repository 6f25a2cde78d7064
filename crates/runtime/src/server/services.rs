//! The services of a server, each registered once for routing, health and reflection together.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};
use tower::Service;

use super::{Error, Health};
use crate::caller::Access;
use crate::metrics::Meter;

/// Sets what a generated server leaves to the process: the size of a request's messages in bytes, and
/// gzip and zstd in both directions for callers that ask for them.
#[macro_export]
macro_rules! limits {
    ($server:expr, $max_message_size:expr) => {
        $server
            .max_decoding_message_size($max_message_size)
            .accept_compressed($crate::server::CompressionEncoding::Zstd)
            .accept_compressed($crate::server::CompressionEncoding::Gzip)
            .send_compressed($crate::server::CompressionEncoding::Zstd)
            .send_compressed($crate::server::CompressionEncoding::Gzip)
    };
}

/// The services of a server.
#[derive(Clone, Debug, Default)]
pub struct Services {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    descriptors: Vec<&'static [u8]>,
    quiet: Vec<&'static str>,
    access: Vec<(&'static str, Access)>,
}

/// What the stack knows about a method.
#[derive(Clone, Debug)]
pub(super) struct Method {
    /// Whether either side sends more than one message.
    pub(super) streaming: bool,
    /// Whether success is not worth a line at level info.
    pub(super) quiet: bool,
    /// Who may call it.
    pub(super) access: Access,
    /// What is measured of it.
    pub(super) meter: Arc<Meter>,
}

/// Every method by its path.
pub(super) type Methods = HashMap<String, Method>;

impl Services {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a generated server, once, with the encoded `FileDescriptorSet` that describes it.
    #[must_use]
    pub fn add<S>(mut self, service: S, descriptor_set: &'static [u8]) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.describe(S::NAME, descriptor_set)
    }

    /// Lets successes of a method, given by its path `/package.Service/Method`, be logged at level debug.
    #[must_use]
    pub fn quiet(mut self, path: &'static str) -> Self {
        self.quiet.push(path);
        self
    }

    /// Says who may call a service, given by its name `package.Service`, or one method, given by its path
    /// `/package.Service/Method`, which then counts. Without a word of it nobody may but
    /// [`Caller::Local`](crate::Caller::Local).
    #[must_use]
    pub fn allow(mut self, what: &'static str, access: Access) -> Self {
        self.access.push((what, access));
        self
    }

    pub(super) fn names(&self) -> &[&'static str] {
        &self.names
    }

    pub(super) fn with_health(self, health: &Health) -> Self {
        self.add(health.service(), tonic_health::pb::FILE_DESCRIPTOR_SET)
            .allow("grpc.health.v1.Health", Access::Anyone)
            .quiet("/grpc.health.v1.Health/Check")
    }

    /// Adds reflection, which tells of all services that are here by now and of itself.
    pub(super) fn with_reflection(self) -> Result<Self, Error> {
        let mut services = self
            .describe("grpc.reflection.v1.ServerReflection", tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
            .describe(
                "grpc.reflection.v1alpha.ServerReflection",
                tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
            )
            .allow("grpc.reflection.v1.ServerReflection", Access::Anyone)
            .allow("grpc.reflection.v1alpha.ServerReflection", Access::Anyone);
        let builder = || {
            let mut builder =
                tonic_reflection::server::Builder::configure().include_reflection_service(false);
            for set in &services.descriptors {
                builder = builder.register_encoded_file_descriptor_set(set);
            }
            services.names.iter().fold(builder, |builder, name| builder.with_service_name(*name))
        };
        let unreadable = |error: tonic_reflection::server::Error| Error::Descriptor(error.to_string());
        let (current, alpha) =
            (builder().build_v1().map_err(unreadable)?, builder().build_v1alpha().map_err(unreadable)?);
        services.routes.add_service(current).add_service(alpha);
        Ok(services)
    }

    /// The methods of all services; the error is one that no descriptor set describes.
    pub(super) fn methods(&self) -> Result<Methods, Error> {
        let mut methods = Methods::new();
        for set in &self.descriptors {
            let set =
                FileDescriptorSet::decode(*set).map_err(|error| Error::Descriptor(error.to_string()))?;
            for file in &set.file {
                for service in &file.service {
                    let name = format!("{}.{}", file.package(), service.name());
                    let served = self.names.contains(&name.as_str());
                    for method in service.method.iter().filter(|_| served) {
                        let path = format!("/{name}/{}", method.name());
                        let quiet = self.quiet.contains(&path.as_str());
                        let streaming = method.client_streaming() || method.server_streaming();
                        let access = self.access(&name, &path);
                        let meter = Arc::new(Meter::new(&path, streaming));
                        methods.insert(path, Method { streaming, quiet, access, meter });
                    }
                }
            }
        }
        let described = |name: &&str| methods.keys().any(|path| path.split('/').nth(1) == Some(name));
        if let Some(missing) = self.names.iter().find(|name| !described(name)) {
            return Err(Error::Undescribed((*missing).to_owned()));
        }
        let allowed = self.access.iter().map(|(what, _)| what);
        let unknown = |what: &&&str| !methods.contains_key(**what) && !self.names.contains(*what);
        if let Some(missing) = allowed.clone().find(unknown) {
            return Err(Error::Undescribed((*missing).to_owned()));
        }
        match self.quiet.iter().find(|path| !methods.contains_key(**path)) {
            Some(missing) => Err(Error::Undescribed((*missing).to_owned())),
            None => Ok(methods),
        }
    }

    /// Who may call a method: its own list, else its service's, else nobody.
    fn access(&self, service: &str, path: &str) -> Access {
        let list = |wanted: &str| self.access.iter().find(|(what, _)| *what == wanted);
        list(path).or_else(|| list(service)).map_or(Access::NOBODY, |(_, access)| *access)
    }

    pub(super) fn into_routes(self) -> Routes {
        self.routes.routes()
    }

    fn describe(mut self, name: &'static str, descriptor_set: &'static [u8]) -> Self {
        self.names.push(name);
        if !self.descriptors.contains(&descriptor_set) {
            self.descriptors.push(descriptor_set);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn methods_are_those_of_the_services_that_are_served() {
        let services = Services::new().with_health(&Health::new(&[]).await).with_reflection().unwrap();
        let methods = services.methods().unwrap();
        let mut paths: Vec<_> =
            methods.iter().map(|(path, method)| (path.as_str(), method.streaming)).collect();
        paths.sort_unstable();
        assert_eq!(paths.len(), 4);
        assert_eq!(paths[0], ("/grpc.health.v1.Health/Check", false));
        assert_eq!(paths[1], ("/grpc.health.v1.Health/Watch", true));
        assert!(
            methods["/grpc.health.v1.Health/Check"].quiet && !methods["/grpc.health.v1.Health/Watch"].quiet
        );
    }

    #[tokio::test]
    async fn a_method_has_its_own_list_else_its_services_else_none() {
        let health = Health::new(&[]).await.service();
        let services = || Services::new().add(health.clone(), tonic_health::pb::FILE_DESCRIPTOR_SET);
        let access = |services: Services| {
            let methods = services.methods().unwrap();
            ["Check", "Watch"].map(|name| methods[&format!("/grpc.health.v1.Health/{name}")].access)
        };
        let sync = Access::Services(&["sync"]);
        assert_eq!(access(services()), [Access::NOBODY; 2]);
        let all = services().allow("grpc.health.v1.Health", sync);
        assert_eq!(access(all.clone()), [sync; 2]);
        let one = all.allow("/grpc.health.v1.Health/Watch", Access::Anyone);
        assert_eq!(access(one), [sync, Access::Anyone]);

        for typo in ["grpc.health.v1.Heath", "/grpc.health.v1.Health/Chek", "grpc.health.v1.Health/Check"] {
            let error = services().allow(typo, sync).methods().unwrap_err();
            assert!(matches!(&error, Error::Undescribed(what) if what == typo), "{error}");
        }
    }

    #[tokio::test]
    async fn a_service_without_its_descriptor_is_refused() {
        let health = Health::new(&[]).await.service();
        let services = Services::new().add(health.clone(), leasehold_proto::DESCRIPTOR_SET);
        let error = services.methods().unwrap_err();
        assert!(matches!(&error, Error::Undescribed(name) if name == "grpc.health.v1.Health"), "{error}");

        let services =
            Services::new().add(health.clone(), tonic_health::pb::FILE_DESCRIPTOR_SET).quiet("/nothing");
        assert!(matches!(services.methods().unwrap_err(), Error::Undescribed(path) if path == "/nothing"));

        let services = Services::new().add(health, b"\xff\xff");
        assert!(matches!(services.methods().unwrap_err(), Error::Descriptor(_)));
    }
}
