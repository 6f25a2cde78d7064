//! `leasehold sync history`: every exchange with the vendor.

use leasehold_proto::sync::v1::ListExchangesRequest;
use leasehold_proto::types::v1::PageRequest;

use super::connection::ServerArgs;
use super::exchange::ExchangeRow;
use crate::exit::Failure;
use crate::output::{Format, List};

/// Most rows that a server puts on one page.
const PAGE: u32 = 500;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    /// Keep only rows whose reason, message or actor contains this text, whatever the case
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    search: String,
    /// Show at most so many rows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let service = args.server.connect().await?;
    let (mut rows, mut token) = (Vec::new(), String::new());
    loop {
        let left = args.limit.map_or(PAGE, |limit| limit - u32::try_from(rows.len()).unwrap_or(limit));
        let page = PageRequest {
            page_size: i32::try_from(left.min(PAGE)).expect("a page is small"),
            page_token: token,
            skip: 0,
            search: args.search.clone(),
        };
        let request = ListExchangesRequest { instance: args.server.instance.clone(), page: Some(page) };
        let answer = service
            .call(request, |mut stub, request| async move { stub.list_exchanges(request).await })
            .await?;
        let came = answer.exchanges.len();
        rows.extend(answer.exchanges.iter().map(ExchangeRow::of));
        let info = answer.page.unwrap_or_default();
        token = info.next_page_token;
        let full = args.limit.is_some_and(|limit| rows.len() >= limit as usize);
        if token.is_empty() || full || came == 0 {
            return List { total: u64::try_from(info.total).unwrap_or_default(), rows }.print(args.output);
        }
    }
}
