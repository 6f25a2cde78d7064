//! `CreateCustomer` and `ListCustomers`.

use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::convert::time::timestamp;
use leasehold_store::backoffice::Customer;

use super::{MAX_SHORT, needed, optional, page};
use crate::Error;
use crate::audit::{Action, record};
use crate::state::State;

pub(crate) async fn create(
    state: &State,
    actor: &str,
    message: pb::CreateCustomerRequest,
) -> Result<pb::CreateCustomerResponse, Error> {
    let customer = message.customer.unwrap_or_default();
    let mail = optional("customer.mail", &customer.mail, MAX_SHORT)?;
    if !mail.is_empty() && !mail.contains('@') {
        return Err(Error::field(
            "customer.mail",
            "is not a mail address; give one with an `@`, or leave it out",
        ));
    }
    let name = needed("customer.name", &customer.name, MAX_SHORT)?;
    let customer = Customer { name, mail, created_at: state.now() };
    let record = record(customer.created_at, actor, Action::CustomerCreated, &customer.name, "");
    if !state.store.create_customer(&customer, &record).await? {
        return Err(Error::AlreadyExists(format!("there is a customer {:?} already", customer.name)));
    }
    Ok(pb::CreateCustomerResponse { customer: Some(to_message(&customer)) })
}

pub(crate) async fn list(
    state: &State,
    message: pb::ListCustomersRequest,
) -> Result<pb::ListCustomersResponse, Error> {
    let page = state.store.customers(&page::query(page::List::Customers, message.page)?).await?;
    Ok(pb::ListCustomersResponse {
        customers: page.rows.iter().map(to_message).collect(),
        page: Some(page::info(page::List::Customers, &page)),
    })
}

fn to_message(customer: &Customer) -> pb::Customer {
    pb::Customer {
        name: customer.name.clone(),
        mail: customer.mail.clone(),
        created_at: Some(timestamp(customer.created_at)),
    }
}
