//! Every page with sample data: what must stand on it, and what must never.

mod licences;
mod samples;
mod vendor;

use askama::Template;

/// The pages by file name, as HTML.
pub(super) fn all() -> Vec<(&'static str, String)> {
    let mut pages = licences::pages();
    pages.extend(vendor::pages());
    pages
}

/// A page as HTML.
fn html(page: &impl Template) -> String {
    page.render().unwrap()
}

#[test]
fn no_page_has_a_script_or_a_style_of_its_own() {
    for (name, page) in all() {
        assert!(!page.contains("style="), "{name}");
        assert!(!page.contains("<style"), "{name}");
        assert!(!page.contains(" onclick"), "{name}");
        let scripts = page.matches("<script").count();
        assert_eq!(scripts, page.matches(r#"<script type="module" src="/assets/"#).count(), "{name}");
    }
}

#[test]
fn every_form_that_changes_something_carries_the_token() {
    for (name, page) in all() {
        for form in page.split("<form").skip(1) {
            let form = &form[..form.find("</form>").unwrap()];
            // Who signs in has no session yet that the token could belong to.
            let changes = form.contains(r#"method="post""#) && !form.contains("sign-in\"");
            assert_eq!(form.contains(r#"name="form_token""#), changes, "{name}: {form}");
        }
    }
}

#[test]
fn every_page_has_one_heading_of_its_own_and_names_itself() {
    for (name, page) in all() {
        assert_eq!(page.matches("<h1").count(), 1, "{name}");
        assert!(page.contains("· Leasehold</title>"), "{name}");
        assert!(page.contains(r#"<html lang="en""#), "{name}");
    }
}

#[test]
fn what_people_typed_is_never_markup() {
    for (name, page) in all() {
        assert!(!page.contains("<b>bold"), "{name}");
    }
    let (_, device) = all().into_iter().find(|(name, _)| *name == "device").unwrap();
    assert!(device.contains("&#60;b&#62;bold"), "{device}");
}

#[test]
fn no_live_name_comes_twice_on_a_page() {
    for (name, page) in all() {
        let mut keys: Vec<&str> =
            page.split(r#"data-live=""#).skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all, "{name}: {keys:?}");
    }
}

/// Writes the pages and assets into the folder that `LEASEHOLD_CONSOLE_PAGES` names, to look at them in a browser
/// without a server.
#[test]
fn pages_can_be_written_to_a_folder() {
    let Some(dir) = std::env::var_os("LEASEHOLD_CONSOLE_PAGES").map(std::path::PathBuf::from) else { return };
    for (name, page) in all() {
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(format!("{name}.html")), page).unwrap();
    }
    crate::console::assets::write_to(&dir);
}
