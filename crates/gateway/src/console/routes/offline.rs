//! The exchange with the vendor by files, step by step.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use leasehold_runtime::http::{Problem, axum};

use super::back_office::BY_FILES;
use super::fields::Fields;
use super::upload::Upload;
use crate::console::answer::{page_of, see, sentence};
use crate::console::pages::back_office::OfflinePage;
use crate::console::pages::dashboard::Banner;
use crate::console::parts::{Field, Tone, one_or_many};
use crate::console::said::Done;
use crate::console::shell::Section;
use crate::console::visit::{INSTANCE, Visit};
use crate::guard::Form;

/// The page.
pub(crate) async fn show(visit: Visit) -> Result<Response, Problem> {
    answer(&visit, None).await
}

async fn answer(visit: &Visit, problem: Option<&Problem>) -> Result<Response, Problem> {
    let services = visit.services();
    let (shell, sync) =
        tokio::join!(visit.shell("Exchange by files", Section::BackOffice), services.sync_status(INSTANCE));
    let sync = sync?;
    let contact = sync.enrolment.as_ref().and_then(|enrolment| enrolment.contact.clone()).unwrap_or_default();
    let where_to = match (contact.mail.as_str(), contact.web.as_str()) {
        _ if sync.enrolment.is_none() => {
            "Enrol first: until then there is no vendor who could answer.".to_owned()
        }
        ("", "") => "As the vendor has told you: by mail, on a stick, through a portal.".to_owned(),
        (mail, "") => format!("Send it to {mail}."),
        ("", web) => format!("Upload it at {web}."),
        (mail, web) => format!("Send it to {mail}, or upload it at {web}."),
    };
    let shown = OfflinePage {
        shell,
        banner: problem.map(|problem| Banner {
            tone: Tone::Bad,
            title: "It did not work.".to_owned(),
            text: sentence(&problem.message),
            href: "",
            link: "",
        }),
        export: visit.permit(BY_FILES),
        import: visit.permit(BY_FILES),
        where_to,
        outstanding: sync.outstanding,
        outstanding_text: format!(
            "{} without a response",
            one_or_many(i64::from(sync.outstanding), "request", "requests")
        ),
        file_field: Field::file("file", "Response file")
            .hint("As text or as bytes: which it is, is found out."),
    };
    page_of(problem.map_or(StatusCode::OK, |problem| problem.status), &shown)
}

/// Makes a request file and hands it to the browser.
pub(crate) async fn request(visit: Visit, Form(fields): Form<Fields>) -> Result<Response, Problem> {
    let armored = fields.text("armored") == "yes";
    let file = match visit.services().export_sync_data(INSTANCE, armored).await {
        Ok(file) => file,
        Err(problem) if problem.status == StatusCode::FORBIDDEN => return Err(problem),
        Err(problem) => return answer(&visit, Some(&problem)).await,
    };
    let (ending, kind) =
        if armored { ("txt", "text/plain; charset=utf-8") } else { ("age", "application/octet-stream") };
    let name = format!("attachment; filename=\"leasehold-request-{}.{ending}\"", file.number);
    let head = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((head, file.bytes).into_response())
}

/// Takes a response file.
pub(crate) async fn response(visit: Visit, upload: Upload) -> Result<Response, Problem> {
    match visit.services().import_license_file(INSTANCE, upload.file).await {
        Ok(_) => Ok(see(&Done::Imported.at("/back-office#history"))),
        Err(problem) if problem.status == StatusCode::FORBIDDEN => Err(problem),
        Err(problem) => answer(&visit, Some(&problem)).await,
    }
}
