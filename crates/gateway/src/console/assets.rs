//! The stylesheet, the script and the icon: in the program, and served under addresses that change with their content.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use sha2::{Digest, Sha256};

/// A browser may keep a file for a year: other content has another address.
const KEEP: &str = "public, max-age=31536000, immutable";

/// A file in the program.
struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
    digest: String,
}

static FILES: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    let file = |name, kind, content: &'static str| {
        let mut digest = String::with_capacity(16);
        for byte in &Sha256::digest(content)[..8] {
            let _ = write!(digest, "{byte:02x}");
        }
        Asset { name, kind, content, digest }
    };
    [
        file("console.css", "text/css; charset=utf-8", include_str!("../../assets/console.css")),
        file("console.js", "text/javascript; charset=utf-8", include_str!("../../assets/console.js")),
        file("icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
    ]
});

/// The addresses of the files, for the head of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assets {
    /// The stylesheet.
    pub(crate) style: String,
    /// The script.
    pub(crate) script: String,
    /// The icon.
    pub(crate) icon: String,
}

impl Assets {
    /// As this program serves them.
    pub(crate) fn here() -> Self {
        let address = |file: &Asset| format!("/assets/{}/{}", file.digest, file.name);
        let [style, script, icon] = &*FILES;
        Self { style: address(style), script: address(script), icon: address(icon) }
    }
}

/// Serves one of the files. Under an address of another release it is not found rather than the wrong one.
pub(crate) async fn serve(Path((digest, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(file) = FILES.iter().find(|file| file.name == name && file.digest == digest) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", file.digest);
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let status = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let body = if known { "" } else { file.content };
    let head = [(CONTENT_TYPE, file.kind), (CACHE_CONTROL, KEEP)];
    (status, head, [(header::ETAG, tag)], body).into_response()
}

/// The icon, for browsers that look for it where a page names none: documents that are no pages.
pub(crate) async fn icon() -> Redirect {
    Redirect::temporary(&Assets::here().icon)
}

/// Writes the files where their addresses say, below a folder.
#[cfg(test)]
pub(crate) fn write_to(dir: &std::path::Path) {
    for file in &*FILES {
        let dir = dir.join("assets").join(&file.digest);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(file.name), file.content).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(address: &str, known: Option<&str>) -> Response {
        let mut parts = address.trim_start_matches("/assets/").splitn(2, '/').map(str::to_owned);
        let mut headers = HeaderMap::new();
        if let Some(known) = known {
            headers.insert(header::IF_NONE_MATCH, known.parse().unwrap());
        }
        serve(Path((parts.next().unwrap(), parts.next().unwrap())), headers).await
    }

    #[tokio::test]
    async fn a_file_is_served_for_a_year_and_not_again_to_whom_has_it() {
        let style = Assets::here().style;
        let first = get(&style, None).await;
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[CACHE_CONTROL], KEEP);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(get(&style, Some(&tag)).await.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn another_releases_address_and_another_name_are_not_found() {
        assert_eq!(get("/assets/0000000000000000/console.css", None).await.status(), StatusCode::NOT_FOUND);
        let other = Assets::here().style.replace("console.css", "secret.css");
        assert_eq!(get(&other, None).await.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn nothing_is_brought_from_elsewhere() {
        for file in &*FILES {
            let own = file.content.replace("http://www.w3.org/2000/svg", "");
            assert!(!own.contains("http://") && !own.contains("https://"), "{}", file.name);
        }
    }
}
