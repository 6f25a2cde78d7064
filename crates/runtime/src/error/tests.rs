use leasehold_domain::grant::Lost;
use leasehold_domain::{FeatureName, GrantId};

use super::*;

fn every_reason() -> impl Iterator<Item = ErrorReason> {
    (1..).map_while(|number| ErrorReason::try_from(number).ok())
}

#[test]
fn every_reason_has_a_code_and_its_name() {
    assert!(every_reason().count() >= 21);
    for reason in every_reason() {
        let status = Status::from(ApiError::new(reason, "what to do"));
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.domain, "leasehold");
        assert_eq!(format!("ERROR_REASON_{}", info.reason), reason.as_str_name());
        assert_eq!(status.code() == Code::Internal, reason == ErrorReason::Internal, "{reason:?}");
        assert_eq!(status.message(), "what to do");
    }
}

#[test]
fn details_carry_fields_metadata_and_delay() {
    let status = Status::from(
        ApiError::overloaded(Duration::from_millis(250))
            .with_metadata("queue", 7)
            .with_field("a.b", "is wrong"),
    );
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_millis(250)));
    assert_eq!(status.get_details_error_info().unwrap().metadata["queue"], "7");
    let violation = &status.get_details_bad_request().unwrap().field_violations[0];
    assert_eq!((violation.field.as_str(), violation.description.as_str()), ("a.b", "is wrong"));
}

#[test]
fn a_detail_is_for_the_log_alone() {
    let status = Status::from(ApiError::internal("disk sda1 is on fire"));
    let sent = format!("{}{:?}", status.message(), String::from_utf8_lossy(status.details()));
    assert!(!sent.contains("fire"), "{sent}");
    assert_eq!(std::error::Error::source(&status).unwrap().to_string(), "disk sda1 is on fire");
    assert!(Status::from(ApiError::cancelled()).get_details_retry_info().is_none());
}

#[test]
fn rejections_of_the_rules_name_what_they_are_about() {
    let grant = GrantId(uuid::Uuid::from_u128(7));
    let feature = FeatureName::new("solver").unwrap();
    let field = Rejection::Field { field: "features[1].name".into(), problem: "occurs twice".into() };
    let cases = [
        (field, Code::InvalidArgument, "INVALID_FIELD", vec![]),
        (
            Rejection::Stale { grant, lost: Lost::Dropped },
            Code::FailedPrecondition,
            "STALE_TOKEN",
            vec![("grant_id", grant.to_string()), ("lost", "DROPPED".to_owned())],
        ),
        (
            Rejection::ModeMismatch { feature },
            Code::FailedPrecondition,
            "MODE_MISMATCH",
            vec![("feature", "solver".to_owned())],
        ),
    ];
    for (rejection, code, reason, metadata) in cases {
        let status = Status::from(ApiError::from(rejection));
        let info = status.get_details_error_info().unwrap();
        assert_eq!((status.code(), info.reason.as_str()), (code, reason));
        let expected: HashMap<_, _> =
            metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        assert_eq!(info.metadata, expected);
    }
    let status = Status::from(ApiError::invalid_field("features[1].name", "occurs twice"));
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "features[1].name");
}

#[test]
fn the_log_has_every_cause() {
    let innermost = std::io::Error::other("the disk is full");
    let inner = std::io::Error::other(innermost);
    let status = Status::from_error(Box::new(inner));
    let said = chain(&status);
    assert!(said.ends_with(": the disk is full"), "{said}");
    assert_eq!(chain(&fmt::Error), "an error occurred when formatting an argument");
}
