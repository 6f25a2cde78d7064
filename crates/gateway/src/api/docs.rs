//! The description of the API: as `OpenAPI`, and as a page for people made of it.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::console;
use crate::state::Shared;

/// Methods in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// It changes with the release alone.
const KEEP: &str = "public, max-age=300";

/// `/api/openapi.json` and `/api/docs`.
pub(super) fn router(description: &OpenApi) -> Router<Shared> {
    let json: Arc<str> = description.to_json().expect("a description has nothing that JSON has not").into();
    let value: Value = serde_json::from_str(&json).expect("it was just written");
    let page: Arc<str> = page(&value).into();
    Router::new()
        .route("/api/openapi.json", get(async move || kept("application/json", &json)))
        .route("/api/docs", get(async move || kept("text/html; charset=utf-8", &page)))
}

fn kept(kind: &'static str, content: &str) -> impl IntoResponse + use<> {
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, KEEP)];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), content.to_owned())
}

/// The page. Everything in it comes from the description.
fn page(api: &Value) -> String {
    let title = escaped(api["info"]["title"].as_str().unwrap_or_default());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{title} API</title>\
         <link rel=\"stylesheet\" href=\"{}\"></head><body><main class=\"api-docs\"><h1>{title} API</h1><p>{}</p>\
         <p><a href=\"/api/openapi.json\">OpenAPI document</a></p>\n",
        escaped(&console::stylesheet()),
        escaped(api["info"]["description"].as_str().unwrap_or_default())
    );
    let tags = api["tags"].as_array().into_iter().flatten();
    for tag in tags {
        let name = tag["name"].as_str().unwrap_or_default();
        let said = tag["description"].as_str().unwrap_or_default();
        let _ = writeln!(page, "<section><h2 id=\"{0}\">{1}</h2>", escaped(name), escaped(said));
        for (path, item) in api["paths"].as_object().into_iter().flatten() {
            for method in METHODS {
                let operation = &item[method];
                let tagged = operation["tags"].as_array().into_iter().flatten().any(|tag| tag == name);
                if tagged {
                    write_operation(&mut page, method, path, operation);
                }
            }
        }
        page.push_str("</section>\n");
    }
    page.push_str("<section><h2 id=\"schemas\">Schemas</h2>\n");
    for (name, schema) in api["components"]["schemas"].as_object().into_iter().flatten() {
        write_schema(&mut page, name, schema);
    }
    page + "</section></main></body></html>\n"
}

fn write_operation(page: &mut String, method: &str, path: &str, operation: &Value) {
    let text = |name: &str| escaped(operation[name].as_str().unwrap_or_default());
    let _ = writeln!(
        page,
        "<article><h3><code>{} {}</code></h3><p>{}. {}</p>",
        method.to_uppercase(),
        escaped(path),
        text("summary"),
        text("description")
    );
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let rows: String = parameters.fold(String::new(), |mut rows, parameter| {
        let field = |name: &str| escaped(parameter[name].as_str().unwrap_or_default());
        let needed = if parameter["required"] == true { "required" } else { "" };
        let (name, place, said) = (field("name"), field("in"), field("description"));
        let _ = write!(
            rows,
            "<tr><td><code>{name}</code></td><td>{place}</td><td>{needed}</td><td>{said}</td></tr>"
        );
        rows
    });
    if !rows.is_empty() {
        let _ = writeln!(
            page,
            "<table><thead><tr><th scope=\"col\">parameter</th><th scope=\"col\">in</th><th scope=\"col\">needed</th>\
             <th scope=\"col\">meaning</th></tr></thead><tbody>{rows}</tbody></table>"
        );
    }
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        let _ = writeln!(page, "<p>Body: {}</p>", contents(content));
    }
    let mut rows = String::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let content = response["content"].as_object().map(contents).unwrap_or_default();
        let said = escaped(response["description"].as_str().unwrap_or_default());
        let _ = write!(rows, "<tr><td>{}</td><td>{said}</td><td>{content}</td></tr>", escaped(status));
    }
    let _ = writeln!(
        page,
        "<table><thead><tr><th scope=\"col\">status</th><th scope=\"col\">when</th><th scope=\"col\">body</th></tr>\
         </thead><tbody>{rows}</tbody></table></article>"
    );
}

fn write_schema(page: &mut String, name: &str, schema: &Value) {
    let said = escaped(schema["description"].as_str().unwrap_or_default());
    let _ = writeln!(page, "<article><h3 id=\"schema-{0}\">{0}</h3><p>{said}</p>", escaped(name));
    let needed: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut rows = String::new();
    for (field, property) in schema["properties"].as_object().into_iter().flatten() {
        let said = escaped(property["description"].as_str().unwrap_or_default());
        let always = if needed.contains(&field.as_str()) { "always" } else { "" };
        let (field, kind) = (escaped(field), kind(property));
        let _ = write!(
            rows,
            "<tr><td><code>{field}</code></td><td>{kind}</td><td>{always}</td><td>{said}</td></tr>"
        );
    }
    if !rows.is_empty() {
        let _ = writeln!(
            page,
            "<table><thead><tr><th scope=\"col\">field</th><th scope=\"col\">type</th><th scope=\"col\">there</th>\
             <th scope=\"col\">meaning</th></tr></thead><tbody>{rows}</tbody></table>"
        );
    }
    page.push_str("</article>\n");
}

fn contents(content: &serde_json::Map<String, Value>) -> String {
    let each = content
        .iter()
        .map(|(kind_of, media)| format!("{} <code>{}</code>", kind(&media["schema"]), escaped(kind_of)));
    each.collect::<Vec<_>>().join(", ")
}

/// What a schema is, as a name or a link to one.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if schema["items"].is_object() {
        return format!("list of {}", kind(&schema["items"]));
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if let Some(some) = schema[several].as_array() {
            return some.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    let name = |value: &Value| escaped(value.as_str().unwrap_or_default());
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(name).collect::<Vec<_>>().join(" or "),
        kind => name(kind),
    }
}

/// Text as HTML has it.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
