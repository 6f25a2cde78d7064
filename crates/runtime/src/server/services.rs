//! The services of a server, each registered once for routing, health and reflection together.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::{Request, Response};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::body::Body;
use tonic::server::NamedService;
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

/// What a generated server returns.
pub(super) type Answer = BoxFuture<'static, Result<Response<Body>, Infallible>>;

/// A generated server, which finds its method by the request's path.
pub(super) trait Serve: Send + Sync {
    /// Calls the method.
    fn serve(&self, request: Request<Body>) -> Answer;
}

impl<S> Serve for S
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Answer>,
    S: Clone + Send + Sync,
{
    fn serve(&self, request: Request<Body>) -> Answer {
        // Generated servers are always ready.
        self.clone().call(request)
    }
}

/// The services of a server.
#[derive(Clone, Default)]
pub struct Services {
    /// By the name `package.Service`.
    served: HashMap<&'static str, Arc<dyn Serve>>,
    names: Vec<&'static str>,
    descriptors: Vec<&'static [u8]>,
    quiet: Vec<&'static str>,
    access: Vec<(&'static str, Access)>,
}

impl fmt::Debug for Services {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Services").field(&self.names).finish()
    }
}

/// What the stack knows about a method.
pub(super) struct Method {
    /// The service that has it. Calls go there at once: asking each of a chain of routes costs more than the stack.
    pub(super) service: Arc<dyn Serve>,
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
pub(super) type Methods = HashMap<String, Arc<Method>>;

impl Services {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a generated server, once, with the encoded `FileDescriptorSet` that describes it.
    #[must_use]
    pub fn add<S>(mut self, service: S, descriptor_set: &'static [u8]) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Answer>,
        S: NamedService + Clone + Send + Sync + 'static,
    {
        self.serve(service);
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
        services.serve(current);
        services.serve(alpha);
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
                    let Some(served) = self.served.get(name.as_str()) else { continue };
                    for method in &service.method {
                        let path = format!("/{name}/{}", method.name());
                        let quiet = self.quiet.contains(&path.as_str());
                        let streaming = method.client_streaming() || method.server_streaming();
                        let access = self.access(&name, &path);
                        let meter = Arc::new(Meter::new(&path, streaming));
                        let service = Arc::clone(served);
                        let method = Method { service, streaming, quiet, access, meter };
                        methods.insert(path, Arc::new(method));
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

    fn serve<S: Serve + NamedService + 'static>(&mut self, service: S) {
        let other = self.served.insert(S::NAME, Arc::new(service));
        assert!(other.is_none(), "{} is added once", S::NAME);
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
            let error = services().allow(typo, sync).methods().err().unwrap();
            assert!(matches!(&error, Error::Undescribed(what) if what == typo), "{error}");
        }
    }

    #[tokio::test]
    async fn a_service_without_its_descriptor_is_refused() {
        let health = Health::new(&[]).await.service();
        let services = Services::new().add(health.clone(), leasehold_proto::DESCRIPTOR_SET);
        let error = services.methods().err().unwrap();
        assert!(matches!(&error, Error::Undescribed(name) if name == "grpc.health.v1.Health"), "{error}");

        let services =
            Services::new().add(health.clone(), tonic_health::pb::FILE_DESCRIPTOR_SET).quiet("/nothing");
        assert!(matches!(services.methods().err().unwrap(), Error::Undescribed(path) if path == "/nothing"));

        let services = Services::new().add(health, b"\xff\xff");
        assert!(matches!(services.methods().err().unwrap(), Error::Descriptor(_)));
    }
}
