//! How messages travel over gRPC: as prost encodes them, in buffers that fit them.
//!
//! Tonic begins every message with 8 KiB for reading and as many for writing. Most messages here are far below 1 KiB, and
//! with hundreds of calls under way that memory is more than a processor's cache holds. Not responsible for what a
//! message means.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// What a buffer begins with, in bytes. It grows where a message is longer.
const FIRST: usize = 512;
/// With so many bytes a stream hands on what it has, as tonic does by itself.
const FULL: usize = 32 * 1024;

/// The codec that generated clients and servers use: `T` is sent, `U` received.
#[derive(Clone, Copy, Debug)]
pub struct MessageCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for MessageCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for MessageCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::new(FIRST, FULL))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::new(FIRST, FULL))
    }
}
