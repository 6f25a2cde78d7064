//! Request files and response files, in both forms, in any order, and what becomes of those that are not as they should.

use leasehold_proto::sync::v1 as pb;
use leasehold_signing::sealed_file::Form;
use prost::Message as _;
use tonic::Code;

use crate::licensing;
use crate::vendor::{Trouble, Vendor, seal};
use crate::world::{Process, World, refused, until};

async fn refuses(world: &World, process: &Process, file: Vec<u8>, reason: &str, parts: &[&str]) {
    let code = match reason {
        "FILE_UNREADABLE" | "SIGNATURE_INVALID" | "FOREIGN" => Code::InvalidArgument,
        _ => Code::FailedPrecondition,
    };
    let (standing, history) = (world.standing().await, process.history().await);
    refused(process.import(file).await, code, reason, parts);
    assert_eq!(world.standing().await, standing, "{reason}");
    assert_eq!(process.history().await, history, "{reason}");
}

#[tokio::test]
async fn a_request_goes_out_and_its_response_comes_in_by_files_of_either_form() {
    for (armored, form) in [(false, Form::Binary), (true, Form::Armored)] {
        let world = World::new().await;
        let process = world.enrolled().await;
        let file = process.export(armored).await.unwrap();
        assert_eq!(file.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----"), armored);
        let waiting = process.history().await.remove(0);
        assert_eq!(
            (waiting.number, waiting.way(), waiting.state()),
            (1, pb::ExchangeWay::File, pb::ExchangeState::Requested)
        );
        assert_eq!(
            (waiting.sent_bytes, process.identity().await.outstanding),
            (i64::try_from(file.len()).unwrap(), 1)
        );

        let answer = world.vendor.process(&file, form);
        let exchange = process.import(answer.clone()).await.unwrap();
        assert_eq!(
            (exchange.number, exchange.state(), exchange.bundle_sequence),
            (1, pb::ExchangeState::Done, 1)
        );
        assert_eq!(exchange.received_bytes, i64::try_from(answer.len()).unwrap());
        let identity = process.identity().await;
        assert_eq!((identity.status(), identity.outstanding), (pb::SyncStatus::Synchronized, 0));
        assert_eq!(world.licensing.sequence(), 1);
        refuses(&world, &process, answer, "REPLAYED", &["request 1"]).await;
    }
}

#[tokio::test]
async fn mail_may_do_to_the_text_what_mail_does() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let file = process.export(true).await.unwrap();
    let answer = String::from_utf8(world.vendor.process(&file, Form::Armored)).unwrap();
    let quoted: Vec<String> = answer.lines().map(|line| format!("> {line}\r\n")).collect();
    let mail = format!("Dear customer,\r\n\r\nhere it is:\r\n{}\r\nYours\r\n", quoted.concat());
    process.import(mail.into_bytes()).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_says_what_is_wrong_with_it() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let request = process.export(false).await.unwrap();
    let answer = world.vendor.process(&request, Form::Binary);
    let mut damaged = answer.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let other = Vendor::of(world.clock.clone(), 9);
    let for_another = seal(
        &world.vendor.answer(&world.vendor.open(&request), |_| {}).unwrap(),
        &other.enrolment().vendor_recipient,
        Form::Binary,
    );
    let own = process.identity().await.recipient;
    let kind = {
        use leasehold_signing::{Envelope, FileKind, SignedFile, sealed_file};
        let envelope = Envelope::from_protobuf(&world.vendor.open(&request).envelope).unwrap();
        let file = SignedFile { kind: FileKind::Request, envelope, certificates: Vec::new() };
        sealed_file::seal(file.to_json().as_bytes(), &own.parse().unwrap(), Form::Binary).unwrap()
    };
    for (file, part) in [
        (Vec::new(), "cannot be read"),
        (b"a licence file of another kind".to_vec(), "cannot be read"),
        (answer[..answer.len() - 20].to_vec(), "cannot be read"),
        (damaged, "damaged"),
        (for_another, "somebody else"),
        (request, "somebody else"),
        (kind, "leasehold-sync-request"),
    ] {
        refuses(&world, &process, file, "FILE_UNREADABLE", &[part]).await;
    }
    process.import(answer).await.unwrap();
}

#[tokio::test]
async fn what_is_forged_or_foreign_is_refused_and_the_real_one_is_still_good() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let file = process.export(false).await.unwrap();
    let recipient = process.identity().await.recipient;
    let request = world.vendor.open(&file);
    let answer = world.vendor.answer(&request, |_| {}).unwrap();
    let real = seal(&answer, &recipient, Form::Binary);
    let response = |edit: fn(&mut pb::SyncResponse)| {
        let envelope = leasehold_signing::Envelope::from_protobuf(&answer.envelope).unwrap();
        let mut response = pb::SyncResponse::decode(envelope.unverified_payload()).unwrap();
        edit(&mut response);
        response
    };
    let another = Vendor::of(world.clock.clone(), 2);
    let forged = another.sign(&response(|_| {}));
    refuses(&world, &process, seal(&forged, &recipient, Form::Binary), "SIGNATURE_INVALID", &["root"]).await;
    let foreign = world.vendor.sign(&response(|it| it.vendor_id = "other".to_owned()));
    refuses(&world, &process, seal(&foreign, &recipient, Form::Binary), "FOREIGN", &["vendor"]).await;
    let unasked = world.vendor.sign(&response(|it| it.nonce = vec![1; 32]));
    refuses(&world, &process, seal(&unasked, &recipient, Form::Binary), "NOT_OUTSTANDING", &["no request"])
        .await;
    process.import(real).await.unwrap();
}

#[tokio::test]
async fn any_number_of_requests_may_be_out_and_each_response_is_good_once_if_it_is_newer() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        let file = process.export(false).await.unwrap();
        answers.push(world.vendor.process(&file, Form::Binary));
    }
    assert_eq!(process.identity().await.outstanding, 4);
    // The second, then the fourth; the third is older by then, the first too.
    process.import(answers[1].clone()).await.unwrap();
    refuses(&world, &process, answers[0].clone(), "BUNDLE_ROLLBACK", &["2 is in force"]).await;
    process.import(answers[3].clone()).await.unwrap();
    refuses(&world, &process, answers[2].clone(), "BUNDLE_ROLLBACK", &["4 is in force"]).await;
    refuses(&world, &process, answers[3].clone(), "REPLAYED", &["request 4"]).await;
    refuses(&world, &process, answers[1].clone(), "REPLAYED", &["request 2"]).await;
    assert_eq!((process.identity().await.outstanding, world.licensing.sequence()), (2, 4));
    let numbers: Vec<u64> = process.history().await.iter().map(|exchange| exchange.number).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
}

#[tokio::test]
async fn while_an_answer_is_awaited_by_file_the_network_can_be_used() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let file = process.export(false).await.unwrap();
    process.synchronize().await.unwrap();
    let answer = world.vendor.process(&file, Form::Binary);
    let exchange = process.import(answer).await.unwrap();
    assert_eq!((exchange.number, exchange.bundle_sequence), (1, 2));
}

#[tokio::test]
async fn a_request_that_a_file_has_overtaken_is_not_sent_again() {
    let world = World::new().await;
    let process = world.enrolled().await;
    world.vendor.expect([Trouble::LostAnswer]);
    process.synchronize().await.unwrap_err();
    let file = process.export(false).await.unwrap();
    process.import(world.vendor.process(&file, Form::Binary)).await.unwrap();
    let exchange = process.synchronize().await.unwrap();
    assert_eq!((exchange.number, exchange.bundle_sequence), (3, 3));
    assert_eq!(world.vendor.newest_request().bundle_sequence, 2);
    let overtaken = process.history().await.remove(2);
    assert_eq!((overtaken.number, overtaken.state()), (1, pb::ExchangeState::Failed));
    assert_eq!(overtaken.failure_reason, "NOT_OUTSTANDING");
}

#[tokio::test]
async fn where_licensing_is_away_an_imported_bundle_is_put_in_force_by_itself() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let file = process.export(false).await.unwrap();
    let answer = world.vendor.process(&file, Form::Binary);
    world.licensing.expect(&[licensing::Trouble::Away]);
    refused(
        process.import(answer.clone()).await,
        Code::Unavailable,
        "STORE_UNAVAILABLE",
        &["repeated by itself"],
    );
    until("the bundle is in force", async || process.identity().await.bundle_sequence == 1).await;
    refuses(&world, &process, answer, "REPLAYED", &["request 1"]).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_told_whether_licensing_answers_or_not() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let file = process.export(false).await.unwrap();
    let recipient = process.identity().await.recipient;
    let answer = world.vendor.answer(&world.vendor.open(&file), |_| {}).unwrap();
    world.licensing.expect(&[licensing::Trouble::Away; 99]);
    process.import(seal(&answer, &recipient, Form::Binary)).await.unwrap_err();
    let envelope = leasehold_signing::Envelope::from_protobuf(&answer.envelope).unwrap();
    let response = pb::SyncResponse::decode(envelope.unverified_payload()).unwrap();
    let forged = Vendor::of(world.clock.clone(), 2).sign(&response);
    refuses(&world, &process, seal(&forged, &recipient, Form::Binary), "SIGNATURE_INVALID", &["root"]).await;
    // What stands is tried first where the file is good.
    let again = process.import(seal(&answer, &recipient, Form::Binary)).await;
    refused(again, Code::Unavailable, "STORE_UNAVAILABLE", &["licensing"]);
}

#[tokio::test]
async fn a_file_may_be_larger_than_any_other_message() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let file = process.export(false).await.unwrap();
    let recipient = process.identity().await.recipient;
    let answer = world.vendor.answer(&world.vendor.open(&file), |response| {
        let item = response.line_items[0].clone();
        response.line_items = (0..20_000)
            .map(|number| leasehold_proto::licensing::v1::LineItem {
                line_item_id: format!("L{number}"),
                product: "x".repeat(200),
                ..item.clone()
            })
            .collect();
    });
    let large = seal(&answer.unwrap(), &recipient, Form::Armored);
    assert!(large.len() > 4 << 20, "{}", large.len());
    let exchange = process.import(large).await.unwrap();
    assert_eq!(exchange.changes.len(), 20_000);
}
