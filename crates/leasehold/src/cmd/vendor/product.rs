//! `leasehold vendor product`: what is sold.

use leasehold_proto::backoffice::v1::{
    CreateProductRequest, ListProductsRequest, ListProductsResponse, Product,
};
use serde::Serialize;

use super::super::value::{or_dash, seconds, time};
use super::connection::{ListArgs, OneArgs, Stub, print_one};
use crate::exit::Failure;
use crate::output::{Column, Row, left};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Add a product
    Create {
        /// Its name, unique
        name: String,
        /// What it is
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        description: String,
        /// A feature that its line items may have; may be given several times; without any, all may be
        #[arg(long = "feature", value_name = "FEATURE")]
        features: Vec<String>,
        #[command(flatten)]
        one: OneArgs,
    },
    /// List products by name
    List(ListArgs),
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { name, description, features, one } => {
            let product = Some(Product { name, description, features, created_at: None });
            let staff = one.server.connect().await?;
            let request = CreateProductRequest { product };
            let answer = staff.call(staff.stub().create_product(request)).await?;
            print_one(ProductRow::of(&answer.product.unwrap_or_default()), one.output)
        }
        Command::List(args) => list(args).await,
    }
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let staff = args.server.connect().await?;
    let call = |mut stub: Stub, page| async move {
        stub.list_products(ListProductsRequest { page: Some(page) }).await
    };
    let read =
        |answer: ListProductsResponse| (answer.products.iter().map(ProductRow::of).collect(), answer.page);
    staff.pages(&args, call, read).await?.print(args.output)
}

/// Something that is sold.
#[derive(Serialize)]
struct ProductRow {
    name: String,
    description: String,
    features: Vec<String>,
    created_at: Option<String>,
}

impl ProductRow {
    fn of(message: &Product) -> Self {
        Self {
            name: message.name.clone(),
            description: message.description.clone(),
            features: message.features.clone(),
            created_at: time(message.created_at.as_ref()),
        }
    }
}

impl Row for ProductRow {
    const NAME: &'static str = "products";
    const COLUMNS: &'static [Column] =
        &[left("PRODUCT"), left("FEATURES"), left("DESCRIPTION"), left("CREATED")];
    const EMPTY: &'static str =
        "There is no product, or none matches. `leasehold vendor product create` adds one.";

    fn cells(&self) -> Vec<String> {
        let features = if self.features.is_empty() { "any".to_owned() } else { self.features.join(", ") };
        vec![self.name.clone(), features, or_dash(&self.description), seconds(self.created_at.as_ref())]
    }
}
