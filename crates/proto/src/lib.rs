//! The gRPC contracts in Rust: messages, clients, servers and the descriptor set, and the conversions
//! between messages and the values of `leasehold-domain`.
//!
//! Responsible for what a message means: every rule of a single field is checked while converting, and an
//! error names the field. Not responsible for deciding anything about what a well-formed message asks.
//!
//! The code below `gen` is made by `cargo xtask codegen` from `proto/`; a test keeps it fresh.

pub mod codec;
pub mod convert;

/// What the services share.
pub mod types {
    /// Package `leasehold.types.v1`.
    #[allow(missing_docs, unused_qualifications, unreachable_pub, clippy::all, clippy::pedantic)]
    pub mod v1 {
        include!("gen/leasehold.types.v1.rs");
    }
}

/// What the licensing service serves.
pub mod licensing {
    /// Package `leasehold.licensing.v1`.
    #[allow(missing_docs, unused_qualifications, unreachable_pub, clippy::all, clippy::pedantic)]
    pub mod v1 {
        include!("gen/leasehold.licensing.v1.rs");
    }
}

/// What synchronisation serves, and what it exchanges with the vendor.
pub mod sync {
    /// Package `leasehold.sync.v1`.
    #[allow(missing_docs, unused_qualifications, unreachable_pub, clippy::all, clippy::pedantic)]
    pub mod v1 {
        include!("gen/leasehold.sync.v1.rs");
    }
}

/// What the vendor's side serves.
pub mod backoffice {
    /// Package `leasehold.backoffice.v1`.
    #[allow(missing_docs, unused_qualifications, unreachable_pub, clippy::all, clippy::pedantic)]
    pub mod v1 {
        include!("gen/leasehold.backoffice.v1.rs");
    }
}

/// What the service for updates serves.
pub mod updates {
    /// Package `leasehold.updates.v1`.
    #[allow(missing_docs, unused_qualifications, unreachable_pub, clippy::all, clippy::pedantic)]
    pub mod v1 {
        include!("gen/leasehold.updates.v1.rs");
    }
}

/// Every contract as an encoded `google.protobuf.FileDescriptorSet`, imports included, for reflection.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptor.bin");
