//! How long a caller waits.

use std::time::Duration;

use http::HeaderMap;

/// What the transport's own timeout, which would answer without details, is beaten by.
const AHEAD_OF_TRANSPORT: Duration = Duration::from_millis(1);

/// How long the caller waits by its `grpc-timeout`: up to 8 digits and a unit. A malformed one counts as none.
pub(super) fn given(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    let timeout = match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    };
    Some(timeout.saturating_sub(AHEAD_OF_TRANSPORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_protocol_has_them() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            given(&headers)
        };
        assert_eq!(read("2S"), Some(Duration::from_millis(1_999)));
        assert_eq!(
            read("99999999H"),
            Some(Duration::from_hours(99_999_999).saturating_sub(AHEAD_OF_TRANSPORT))
        );
        assert_eq!(read("1500m"), Some(Duration::from_millis(1_499)));
        assert_eq!(read("1M"), Some(Duration::from_millis(59_999)));
        assert_eq!(read("5000u"), Some(Duration::from_millis(4)));
        assert_eq!(read("7n"), Some(Duration::ZERO));
        for malformed in ["", "S", "2", "2s", "-2S", "+2S", "1.5S", "123456789S"] {
            assert_eq!(read(malformed), None, "{malformed}");
        }
        assert_eq!(given(&HeaderMap::new()), None);
    }
}
