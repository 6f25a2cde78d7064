//! `leasehold sync now`: synchronises over the network.

use leasehold_proto::sync::v1::SynchronizeNowRequest;

use super::connection::ServerArgs;
use super::exchange::ExchangeRow;
use crate::exit::Failure;
use crate::output::Format;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    /// How to print what came of it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let service = args.server.connect().await?;
    let request = SynchronizeNowRequest { instance: args.server.instance };
    let answer =
        service.call(request, |mut stub, request| async move { stub.synchronize_now(request).await }).await?;
    ExchangeRow::of(&answer.exchange.unwrap_or_default()).print(args.output)
}
