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

use super::reading::{escaped, framed, paragraphs, prose};
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
    let title = format!("{} API", api["info"]["title"].as_str().unwrap_or_default());
    let said = api["info"]["description"].as_str().unwrap_or_default();
    let (mut contents, mut content) = (String::new(), String::new());
    for tag in api["tags"].as_array().into_iter().flatten() {
        write_tag(&mut contents, &mut content, api, tag);
    }
    contents.push_str("<li><a href=\"#schemas\">Schemas</a></li>");
    content.push_str("<section><h2 id=\"schemas\">Schemas</h2>\n");
    for (name, schema) in api["components"]["schemas"].as_object().into_iter().flatten() {
        write_schema(&mut content, name, schema);
    }
    let page = format!(
        "<h1>{}</h1>{}<p><a href=\"/api/openapi.json\">The same as an OpenAPI document</a></p>\n\
         <div class=\"columns\"><nav class=\"toc\" aria-label=\"Operations\"><ul>{contents}</ul></nav>\n\
         <div>{content}</section></div></div>",
        escaped(&title),
        paragraphs(said)
    );
    framed(&title, &page)
}

/// The operations of a tag, and their place in the table of contents.
fn write_tag(contents: &mut String, content: &mut String, api: &Value, tag: &Value) {
    let name = tag["name"].as_str().unwrap_or_default();
    let (id, said) = (escaped(name), prose(tag["description"].as_str().unwrap_or_default()));
    let _ = write!(contents, "<li><a href=\"#{id}\">{said}</a><ul>");
    let _ = writeln!(content, "<section><h2 id=\"{id}\">{said}</h2>");
    for (path, item) in api["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let operation = &item[method];
            let tagged = operation["tags"].as_array().into_iter().flatten().any(|tag| tag == name);
            if tagged {
                let summary = prose(operation["summary"].as_str().unwrap_or_default());
                let anchor = anchor(method, path);
                let _ = write!(contents, "<li><a href=\"#{anchor}\">{summary}</a></li>");
                write_operation(content, method, path, operation);
            }
        }
    }
    contents.push_str("</ul></li>\n");
    content.push_str("</section>\n");
}

/// Where an operation stands on the page.
fn anchor(method: &str, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |anchor, word| anchor + "-" + word)
}

fn write_operation(page: &mut String, method: &str, path: &str, operation: &Value) {
    let text = |name: &str| operation[name].as_str().unwrap_or_default();
    let _ = writeln!(
        page,
        "<article id=\"{}\"><h3>{}</h3><p><code>{} {}</code></p>{}",
        anchor(method, path),
        prose(text("summary")),
        method.to_uppercase(),
        escaped(path),
        paragraphs(text("description"))
    );
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let rows: String = parameters.fold(String::new(), |mut rows, parameter| {
        let field = |name: &str| escaped(parameter[name].as_str().unwrap_or_default());
        let needed = if parameter["required"] == true { "required" } else { "" };
        let (name, place) = (field("name"), field("in"));
        let said = prose(parameter["description"].as_str().unwrap_or_default());
        let _ = write!(
            rows,
            "<tr><td><code>{name}</code></td><td data-l=\"in\">{place}</td><td>{needed}</td><td>{said}</td></tr>"
        );
        rows
    });
    if !rows.is_empty() {
        let _ = writeln!(
            page,
            "<table class=\"cards\"><thead><tr><th scope=\"col\">parameter</th><th scope=\"col\">in</th><th scope=\"col\">needed</th>\
             <th scope=\"col\">meaning</th></tr></thead><tbody>{rows}</tbody></table>"
        );
    }
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        let _ = writeln!(page, "<p>Body: {}</p>", contents(content));
    }
    let mut rows = String::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let content = response["content"].as_object().map(contents).unwrap_or_default();
        let said = prose(response["description"].as_str().unwrap_or_default());
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{said}</td><td data-l=\"body\">{content}</td></tr>",
            escaped(status)
        );
    }
    let _ = writeln!(
        page,
        "<table class=\"cards\"><thead><tr><th scope=\"col\">status</th><th scope=\"col\">when</th><th scope=\"col\">body</th></tr>\
         </thead><tbody>{rows}</tbody></table></article>"
    );
}

fn write_schema(page: &mut String, name: &str, schema: &Value) {
    let said = paragraphs(schema["description"].as_str().unwrap_or_default());
    let _ = writeln!(page, "<article id=\"schema-{0}\"><h3>{0}</h3>{said}", escaped(name));
    let needed: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut rows = String::new();
    for (field, property) in schema["properties"].as_object().into_iter().flatten() {
        let said = prose(property["description"].as_str().unwrap_or_default());
        let always = if needed.contains(&field.as_str()) { "always" } else { "" };
        let (field, kind) = (escaped(field), kind(property));
        let _ = write!(
            rows,
            "<tr><td><code>{field}</code></td><td data-l=\"type\">{kind}</td><td>{always}</td><td>{said}</td></tr>"
        );
    }
    if !rows.is_empty() {
        let _ = writeln!(
            page,
            "<table class=\"cards\"><thead><tr><th scope=\"col\">field</th><th scope=\"col\">type</th><th scope=\"col\">there</th>\
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
