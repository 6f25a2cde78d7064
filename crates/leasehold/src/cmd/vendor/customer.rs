//! `leasehold vendor customer`: who buys.

use leasehold_proto::backoffice::v1::{
    CreateCustomerRequest, Customer, ListCustomersRequest, ListCustomersResponse,
};
use serde::Serialize;

use super::super::value::{or_dash, seconds, time};
use super::connection::{ListArgs, OneArgs, Stub, print_one};
use crate::exit::Failure;
use crate::output::{Column, Row, left};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Add a customer
    Create {
        /// Its name, unique
        name: String,
        /// Where codes and files are mailed to
        #[arg(long, default_value = "", hide_default_value = true, value_name = "ADDRESS")]
        mail: String,
        #[command(flatten)]
        one: OneArgs,
    },
    /// List customers by name
    List(ListArgs),
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { name, mail, one } => {
            let staff = one.server.connect().await?;
            let request = CreateCustomerRequest { customer: Some(Customer { name, mail, created_at: None }) };
            let answer = staff.call(staff.stub().create_customer(request)).await?;
            print_one(CustomerRow::of(&answer.customer.unwrap_or_default()), one.output)
        }
        Command::List(args) => list(args).await,
    }
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let staff = args.server.connect().await?;
    let call = |mut stub: Stub, page| async move {
        stub.list_customers(ListCustomersRequest { page: Some(page) }).await
    };
    let read =
        |answer: ListCustomersResponse| (answer.customers.iter().map(CustomerRow::of).collect(), answer.page);
    staff.pages(&args, call, read).await?.print(args.output)
}

/// Somebody who buys.
#[derive(Serialize)]
struct CustomerRow {
    name: String,
    mail: String,
    created_at: Option<String>,
}

impl CustomerRow {
    fn of(message: &Customer) -> Self {
        Self {
            name: message.name.clone(),
            mail: message.mail.clone(),
            created_at: time(message.created_at.as_ref()),
        }
    }
}

impl Row for CustomerRow {
    const NAME: &'static str = "customers";
    const COLUMNS: &'static [Column] = &[left("CUSTOMER"), left("MAIL"), left("CREATED")];
    const EMPTY: &'static str =
        "There is no customer, or none matches. `leasehold vendor customer create` adds one.";

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), or_dash(&self.mail), seconds(self.created_at.as_ref())]
    }
}
