//! Products and customers.

use leasehold_domain::FeatureName;
use leasehold_store::StoreError;
use leasehold_store::backoffice::{Customer, Product};
use leasehold_store::licensing::{Page, PageQuery};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Statement;
use crate::database::{Database, within};
use crate::page::{self, found};
use crate::values::{lines, micros, read_lines, read_time};

const INSERT_PRODUCT: &str = "INSERT INTO products (name, description, features, created_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const PRODUCT: &str = "SELECT name, description, features, created_at FROM products WHERE name = $1";
const PRODUCTS: &str = concat!(
    "SELECT name, description, features, created_at FROM products WHERE ",
    found!("name", "description"),
    " AND name > $2 ORDER BY name LIMIT $3 OFFSET $4"
);
const PRODUCTS_TOTAL: &str = concat!("SELECT count(*) FROM products WHERE ", found!("name", "description"));

const INSERT_CUSTOMER: &str =
    "INSERT INTO customers (name, mail, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const CUSTOMER: &str = "SELECT name, mail, created_at FROM customers WHERE name = $1";
const CUSTOMERS: &str = concat!(
    "SELECT name, mail, created_at FROM customers WHERE ",
    found!("name", "mail"),
    " AND name > $2 ORDER BY name LIMIT $3 OFFSET $4"
);
const CUSTOMERS_TOTAL: &str = concat!("SELECT count(*) FROM customers WHERE ", found!("name", "mail"));

pub(super) fn insert_product(product: &Product) -> Statement {
    sqlx::query(INSERT_PRODUCT)
        .bind(product.name.clone())
        .bind(product.description.clone())
        .bind(lines(&product.features))
        .bind(micros(product.created_at))
}

pub(super) async fn product(database: &Database, name: &str) -> Result<Option<Product>, StoreError> {
    within(async {
        let row = sqlx::query(PRODUCT).bind(name).fetch_optional(database.pool()).await?;
        row.as_ref().map(read_product).transpose()
    })
    .await
}

pub(super) async fn products(database: &Database, page: &PageQuery) -> Result<Page<Product>, StoreError> {
    let key = |product: &Product| product.name.clone();
    page::read(database, page, by_name(PRODUCTS, PRODUCTS_TOTAL, page), read_product, key).await
}

pub(super) fn insert_customer(customer: &Customer) -> Statement {
    sqlx::query(INSERT_CUSTOMER)
        .bind(customer.name.clone())
        .bind(customer.mail.clone())
        .bind(micros(customer.created_at))
}

pub(super) async fn customer(database: &Database, name: &str) -> Result<Option<Customer>, StoreError> {
    within(async {
        let row = sqlx::query(CUSTOMER).bind(name).fetch_optional(database.pool()).await?;
        row.as_ref().map(read_customer).transpose()
    })
    .await
}

pub(super) async fn customers(database: &Database, page: &PageQuery) -> Result<Page<Customer>, StoreError> {
    let key = |customer: &Customer| customer.name.clone();
    page::read(database, page, by_name(CUSTOMERS, CUSTOMERS_TOTAL, page), read_customer, key).await
}

/// A page of a list by name, and the list's length.
fn by_name(rows: &'static str, total: &'static str, page: &PageQuery) -> (Statement, Statement) {
    let pattern = page::pattern(page);
    let rows = sqlx::query(rows)
        .bind(pattern.clone())
        .bind(page::after(page))
        .bind(page::limit(page))
        .bind(i64::from(page.skip));
    (rows, sqlx::query(total).bind(pattern))
}

fn read_product(row: &AnyRow) -> Result<Product, sqlx::Error> {
    Ok(Product {
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        features: read_lines(row, "features", FeatureName::new)?,
        created_at: read_time(row, "created_at")?,
    })
}

fn read_customer(row: &AnyRow) -> Result<Customer, sqlx::Error> {
    Ok(Customer {
        name: row.try_get("name")?,
        mail: row.try_get("mail")?,
        created_at: read_time(row, "created_at")?,
    })
}
