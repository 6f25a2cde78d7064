//! Pages to read: the frame around them, and how texts come into them. Not responsible for what they say.

use crate::console::assets::Assets;

/// A whole page. `title` is text; `content` is HTML, with one `<h1>`.
pub(super) fn framed(title: &str, content: &str) -> String {
    let (title, Assets { style, icon, .. }) = (escaped(title), Assets::here());
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{title} · Leasehold</title>\
         <link rel=\"icon\" href=\"{icon}\" type=\"image/svg+xml\"><link rel=\"stylesheet\" href=\"{style}\"></head>\
         <body class=\"reading\"><a class=\"skip\" href=\"#page\">Skip to the page</a>\
         <header class=\"top\"><a class=\"mark\" href=\"/\">Leasehold</a></header>\
         <main id=\"page\" tabindex=\"-1\">{content}</main></body></html>\n"
    )
}

/// Paragraphs of a description.
pub(super) fn paragraphs(text: &str) -> String {
    let each = text.split("\n\n").map(str::trim).filter(|text| !text.is_empty());
    each.fold(String::new(), |html, text| html + "<p>" + &prose(text) + "</p>")
}

/// A description as HTML: what stands between backticks is code. One without its partner stays as it is.
pub(super) fn prose(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, code, after)) = first_code(rest) {
        html.push_str(&escaped(before));
        html.push_str(&format!("<code>{}</code>", escaped(code)));
        rest = after;
    }
    html + &escaped(rest)
}

fn first_code(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_is_markup() {
        assert_eq!(prose("its `<reason>` & more"), "its <code>&lt;reason&gt;</code> &amp; more");
        assert_eq!(prose("`a` or `b`"), "<code>a</code> or <code>b</code>");
        assert_eq!(prose("alone ` it is"), "alone ` it is");
        assert_eq!(paragraphs("one\n\ntwo `x`\n"), "<p>one</p><p>two <code>x</code></p>");
        assert_eq!(paragraphs(""), "");
    }
}
