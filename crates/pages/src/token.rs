//! Tokens: a list's mark, and the sort key of a page's last row in hexadecimal. Not secret, not signed: who changes one
//! asks for another page of what they may read anyway.

/// The token that asks for the page after this sort key.
pub(crate) fn of(mark: &str, key: &str) -> String {
    key.bytes().fold(mark.to_owned(), |token, byte| format!("{token}{byte:02x}"))
}

/// The sort key of a token of the list with this mark; `None` where it is none.
pub(crate) fn key(mark: &str, token: &str) -> Option<String> {
    let digits = token.strip_prefix(mark)?;
    if digits.is_empty() || digits.len() % 2 != 0 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok());
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_brings_its_key_back_to_its_list_alone() {
        for text in ["Größe & Co\u{1f}first", "3D Rendering\u{0}0000000001"] {
            let token = of("s", text);
            assert_eq!(key("s", &token).as_deref(), Some(text));
            assert_eq!(key("p", &token), None);
        }
    }

    #[test]
    fn what_was_never_a_key_is_no_token() {
        for token in ["s", "s6", "s6g", "s+1", "sff", "ß61"] {
            assert_eq!(key("s", token), None, "{token}");
        }
    }
}
