use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::protobuf::EnvelopeMessage;
use super::*;

const TYPE: PayloadType = PayloadType::SyncRequest;

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(&mut StdRng::seed_from_u64(seed))
}

fn envelope() -> Envelope {
    Envelope::sign(TYPE, b"a request".to_vec(), &key(1)).unwrap()
}

/// The JSON form after a change.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Envelope, EnvelopeError> {
    let mut json: Value = serde_json::from_str(&envelope().to_json()).unwrap();
    change(&mut json);
    Envelope::from_json(json.to_string().as_bytes())
}

/// The protobuf form after a change.
fn rewritten(change: impl FnOnce(&mut EnvelopeMessage)) -> Result<Envelope, EnvelopeError> {
    let mut message = EnvelopeMessage::from(&envelope());
    change(&mut message);
    Envelope::from_protobuf(&prost::Message::encode_to_vec(&message))
}

/// The vector of the DSSE protocol, and one that shows that bytes are counted.
#[test]
fn what_is_signed_is_the_protocols_encoding() {
    let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
    assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    assert_eq!(pre_authentication_encoding("é", b""), "DSSEv1 2 é 0 ".as_bytes());
    let signed = envelope().signed_bytes();
    assert_eq!(signed, b"DSSEv1 50 application/vnd.leasehold.sync-request.v1+protobuf 9 a request");
}

#[test]
fn both_forms_come_back_whole() {
    let mut envelope = envelope();
    envelope.add_signature(&key(2)).unwrap();
    assert_eq!(Envelope::from_json(envelope.to_json().as_bytes()), Ok(envelope.clone()));
    assert_eq!(Envelope::from_protobuf(&envelope.to_protobuf()), Ok(envelope.clone()));
    for signer in [key(1), key(2)] {
        assert_eq!(envelope.open(TYPE, signer.verifying_key()).unwrap(), b"a request");
    }
    let empty = Envelope::sign(TYPE, Vec::new(), &key(1)).unwrap();
    assert_eq!(Envelope::from_json(empty.to_json().as_bytes()), Ok(empty.clone()));
    assert_eq!(Envelope::from_protobuf(&empty.to_protobuf()), Ok(empty));
}

#[test]
fn each_way_not_to_open_has_its_error() {
    let envelope = envelope();
    let [own, other] = [1, 2].map(|seed| *key(seed).verifying_key());
    let wrong_type = envelope.open(PayloadType::SyncResponse, &own).unwrap_err();
    assert_eq!(wrong_type, OpenError::WrongType { expected: PayloadType::SyncResponse, found: TYPE });
    let wrong_key = envelope.open(TYPE, &other).unwrap_err();
    assert_eq!(wrong_key, OpenError::WrongKey { expected: other.id(), found: vec![own.id()] });
    let mut flipped = envelope.clone();
    flipped.payload[0] ^= 1;
    assert_eq!(flipped.open(TYPE, &own), Err(OpenError::BadSignature(own.id())));
    // The signature of one type is none of another, and one key's is none of another's.
    let retyped = Envelope { payload_type: PayloadType::SyncResponse, ..envelope.clone() };
    assert_eq!(retyped.open(PayloadType::SyncResponse, &own), Err(OpenError::BadSignature(own.id())));
    let mut renamed = envelope;
    renamed.signatures[0].key_id = other.id();
    assert_eq!(renamed.open(TYPE, &other), Err(OpenError::BadSignature(other.id())));
    for error in [wrong_type, wrong_key] {
        assert!(error.to_string().contains("fetch") || error.to_string().contains("give"), "{error}");
    }
}

#[test]
fn what_is_wrong_with_a_json_form_is_named() {
    type Change = fn(&mut Value);
    let cases: [(Change, EnvelopeError); 14] = [
        (|json| json["payload"] = Value::Null, EnvelopeError::Missing(Field::Payload)),
        (
            |json| json["payload"] = json!(7),
            EnvelopeError::WrongKind { field: Field::Payload, expected: "a string" },
        ),
        (|json| json["payload"] = json!("YQ"), EnvelopeError::Base64(Field::Payload)),
        (|json| json["payload"] = json!("YR=="), EnvelopeError::Base64(Field::Payload)),
        (|json| json["payload"] = json!("YQ==\n"), EnvelopeError::Base64(Field::Payload)),
        (|json| json["payload"] = json!("-_+/"), EnvelopeError::Base64(Field::Payload)),
        (
            |json| {
                json.as_object_mut().unwrap().remove("payloadType");
            },
            EnvelopeError::Missing(Field::PayloadType),
        ),
        (|json| json["signatures"] = Value::Null, EnvelopeError::Missing(Field::Signatures)),
        (|json| json["signatures"] = json!([]), EnvelopeError::NoSignatures),
        (|json| json["signatures"][0]["keyid"] = Value::Null, EnvelopeError::Missing(Field::KeyId(0))),
        (|json| json["signatures"][0]["keyid"] = json!("AB"), EnvelopeError::KeyId { index: 0 }),
        (|json| json["signatures"][0]["sig"] = Value::Null, EnvelopeError::Missing(Field::Signature(0))),
        (|json| json["signatures"][0]["sig"] = json!("!"), EnvelopeError::Base64(Field::Signature(0))),
        (
            |json| json["signatures"][0]["sig"] = json!("YQ=="),
            EnvelopeError::SignatureLength { index: 0, len: 1 },
        ),
    ];
    for (change, error) in cases {
        assert_eq!(changed(change), Err(error));
    }
    let unknown = changed(|json| json["payloadType"] = json!("text/plain")).unwrap_err();
    assert_eq!(unknown.reason(), "ENVELOPE_TYPE_UNKNOWN");
    assert!(unknown.to_string().contains("text/plain"), "{unknown}");
}

#[test]
fn a_json_form_is_an_object_whose_keys_stand_once() {
    let json = envelope().to_json();
    let twice = json.replacen('{', r#"{"payload":"","#, 1);
    let twice_inside = json.replacen(r#"{"keyid""#, r#"{"sig":"","keyid""#, 1);
    let value: Value = serde_json::from_str(&json).unwrap();
    let list = json!([value["payload"], value["payloadType"], value["signatures"]]).to_string();
    let one = &value["signatures"][0];
    let mut inner = value.clone();
    inner["signatures"][0] = json!([one["keyid"], one["sig"]]);
    let trailing = format!("{json}x");
    for text in [twice, twice_inside, list, inner.to_string(), trailing, "[]".into(), "7".into()] {
        let error = Envelope::from_json(text.as_bytes()).unwrap_err();
        assert_eq!(error.reason(), "ENVELOPE_MALFORMED", "{text}: {error}");
    }
    for end in 0..json.len() {
        let error = Envelope::from_json(&json.as_bytes()[..end]).unwrap_err();
        assert_eq!(error, EnvelopeError::Truncated(Form::Json), "{end}");
    }
}

/// As the protocol asks of whoever reads.
#[test]
fn unknown_keys_are_passed_over_and_either_base64_is_read() {
    assert_eq!(changed(|json| json["note"] = json!({"payload": 1})), Ok(envelope()));
    let bytes = vec![0xfb, 0xff];
    let signed = Envelope::sign(TYPE, bytes, &key(1)).unwrap();
    let json = signed.to_json().replace("+/8=", "-_8=");
    assert!(json.contains("-_8="));
    assert_eq!(Envelope::from_json(json.as_bytes()), Ok(signed));
}

#[test]
fn what_is_wrong_with_a_protobuf_form_is_named() {
    assert_eq!(
        rewritten(|message| message.payload_type.clear()),
        Err(EnvelopeError::Missing(Field::PayloadType))
    );
    assert_eq!(rewritten(|message| message.signatures.clear()), Err(EnvelopeError::NoSignatures));
    assert_eq!(
        rewritten(|message| message.signatures[0].sig.truncate(63)),
        Err(EnvelopeError::SignatureLength { index: 0, len: 63 })
    );
    assert_eq!(
        rewritten(|message| message.signatures[0].keyid.make_ascii_uppercase()),
        Err(EnvelopeError::KeyId { index: 0 })
    );
    assert_eq!(
        rewritten(|message| message.payload_type.push('x')).unwrap_err().reason(),
        "ENVELOPE_TYPE_UNKNOWN"
    );
    assert_eq!(Envelope::from_protobuf(&[0x0f, 0]).unwrap_err().reason(), "ENVELOPE_MALFORMED");
    assert_eq!(Envelope::from_protobuf(&[0x80; 30]).unwrap_err().reason(), "ENVELOPE_TRUNCATED");
    let whole = envelope().to_protobuf();
    for end in 0..whole.len() {
        let error = Envelope::from_protobuf(&whole[..end]).unwrap_err();
        // Between two fields the next one is missing; anywhere else one is cut.
        let cut = matches!(
            error,
            EnvelopeError::Truncated(Form::Protobuf)
                | EnvelopeError::Missing(Field::PayloadType)
                | EnvelopeError::NoSignatures
        );
        assert!(cut, "{end}: {error}");
    }
}

#[test]
fn a_key_signs_once_and_not_without_end() {
    let mut many = envelope();
    let id = key(1).id();
    assert_eq!(many.add_signature(&key(1)), Err(EnvelopeError::DuplicateKeyId(id)));
    let twice = changed(|json| {
        let first = json["signatures"][0].clone();
        json["signatures"].as_array_mut().unwrap().push(first);
    });
    assert_eq!(twice, Err(EnvelopeError::DuplicateKeyId(id)));
    for seed in 2..=8 {
        many.add_signature(&key(seed)).unwrap();
    }
    assert_eq!(many.add_signature(&key(9)), Err(EnvelopeError::TooManySignatures));
}

#[test]
fn sizes_are_bounded_on_both_sides() {
    let most = vec![7; Envelope::MAX_PAYLOAD];
    let envelope = Envelope::sign(TYPE, most.clone(), &key(1)).unwrap();
    assert!(Envelope::from_json(envelope.to_json().as_bytes()).is_ok());
    assert!(Envelope::from_protobuf(&envelope.to_protobuf()).is_ok());
    let more = [most, vec![7]].concat();
    let error = Envelope::sign(TYPE, more.clone(), &key(1)).unwrap_err();
    assert!(matches!(error, EnvelopeError::TooLarge { field: Field::Payload, .. }));
    assert_eq!(rewritten(|message| message.payload = more), Err(error));
    let spaces = vec![b' '; Envelope::MAX_JSON + 1];
    assert_eq!(Envelope::from_json(&spaces).unwrap_err().reason(), "ENVELOPE_TOO_LARGE");
    let zeros = vec![0; Envelope::MAX_PROTOBUF + 1];
    assert_eq!(Envelope::from_protobuf(&zeros).unwrap_err().reason(), "ENVELOPE_TOO_LARGE");
}

/// The first request goes out before there is a certificate of its key.
#[test]
fn a_request_opens_with_the_key_that_stands_in_it() {
    let signed = |inside: u64, by: u64| {
        Envelope::sign(TYPE, key(inside).verifying_key().as_bytes().to_vec(), &key(by)).unwrap()
    };
    let inside = |envelope: &Envelope| VerifyingKey::from_slice(envelope.unverified_payload()).unwrap();
    let request = signed(1, 1);
    assert_eq!(request.open(TYPE, &inside(&request)).unwrap(), key(1).verifying_key().as_bytes());
    let of_another = signed(1, 2);
    assert_eq!(of_another.open(TYPE, &inside(&of_another)).unwrap_err().reason(), "SIGNED_BY_ANOTHER_KEY");
}

#[test]
fn a_list_of_signatures_has_few_and_nothing_else() {
    let mut many = envelope();
    for seed in 2..=8 {
        many.add_signature(&key(seed)).unwrap();
    }
    let mut json: Value = serde_json::from_str(&many.to_json()).unwrap();
    let ninth = Envelope::sign(TYPE, b"a request", &key(9)).unwrap().to_json();
    let ninth: Value = serde_json::from_str(&ninth).unwrap();
    json["signatures"].as_array_mut().unwrap().push(ninth["signatures"][0].clone());
    let error = Envelope::from_json(json.to_string().as_bytes()).unwrap_err();
    assert_eq!(error, EnvelopeError::TooManySignatures);
    let expected = Err(EnvelopeError::WrongKind { field: Field::Signatures, expected: "a list" });
    assert_eq!(changed(|json| json["signatures"] = json!({})), expected);
    let number = changed(|json| json["signatures"] = json!([7])).unwrap_err();
    assert_eq!(number.reason(), "ENVELOPE_MALFORMED");
}
