//! What the last action did, said once above the page that comes after it.
//!
//! The address carries a word and never a sentence: nobody can make a page of ours say something by a link.

use super::parts::Tone;
use super::shell::Said;

/// What was done, as the address names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// New grants stopped.
    Suspended,
    /// New grants are allowed again.
    Resumed,
    /// A device was blocked.
    Blocked,
    /// The block was lifted.
    Unblocked,
    /// A device was dropped.
    DeviceDropped,
    /// A grant was dropped.
    GrantDropped,
    /// The server was enrolled.
    Enrolled,
    /// It was so before.
    WasEnrolled,
    /// A synchronisation succeeded.
    Synchronised,
    /// A response file is in force.
    Imported,
    /// A user was added.
    UserAdded,
    /// A user was changed.
    UserChanged,
    /// A token was revoked.
    TokenRevoked,
    /// The password was changed.
    PasswordChanged,
}

const ALL: [(Done, &str, &str); 14] = [
    (
        Done::Suspended,
        "suspended",
        "Suspended. What is out stays out; nothing new is granted until you resume.",
    ),
    (Done::Resumed, "resumed", "Resumed. Requests are granted again."),
    (Done::Blocked, "blocked", "Blocked. Its requests are refused from now on."),
    (Done::Unblocked, "unblocked", "The block is lifted."),
    (Done::DeviceDropped, "device-dropped", "The device was dropped, and what it held was ended."),
    (Done::GrantDropped, "grant-dropped", "The grant was dropped."),
    (Done::Enrolled, "enrolled", "Enrolled. Synchronise now to fetch what the vendor grants."),
    (Done::WasEnrolled, "was-enrolled", "It was enrolled just so before; nothing changed."),
    (Done::Synchronised, "synchronised", "Synchronised. The newest exchange below says what changed."),
    (Done::Imported, "imported", "The response is in force. The newest exchange below says what changed."),
    (Done::UserAdded, "user-added", "The user was added."),
    (Done::UserChanged, "user-changed", "The user was changed."),
    (Done::TokenRevoked, "token-revoked", "The token was revoked. Whoever shows it is refused."),
    (Done::PasswordChanged, "password-changed", "The password was changed. Sign in with the new one."),
];

impl Done {
    /// The address of a page that says so. `page` is a path of ours, with or without a query.
    pub(crate) fn at(self, page: &str) -> String {
        let word = ALL.iter().find(|(done, ..)| *done == self).map_or("", |(_, word, _)| word);
        let (page, anchor) =
            page.split_once('#').map_or((page, String::new()), |(page, at)| (page, format!("#{at}")));
        format!("{page}{}done={word}{anchor}", if page.contains('?') { '&' } else { '?' })
    }

    /// The sentence.
    pub(crate) fn sentence(self) -> &'static str {
        ALL.iter().find(|(done, ..)| *done == self).map_or("", |(_, _, sentence)| sentence)
    }
}

/// What an address with this query says; nothing where it has no word that we know.
pub(crate) fn said(query: &str) -> Option<Said> {
    let word = query.split('&').find_map(|pair| pair.strip_prefix("done="))?;
    let (done, ..) = ALL.iter().find(|(_, known, _)| *known == word)?;
    Some(Said { tone: Tone::Good, text: done.sentence().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_what_was_done() {
        assert_eq!(Done::Blocked.at("/devices/a"), "/devices/a?done=blocked");
        assert_eq!(Done::Blocked.at("/devices?page=2#x"), "/devices?page=2&done=blocked#x");
        assert_eq!(said("page=2&done=blocked").unwrap().text, Done::Blocked.sentence());
    }

    #[test]
    fn nobody_can_make_a_page_say_something() {
        assert_eq!(said("done=You+won"), None);
        assert_eq!(said(""), None);
    }

    #[test]
    fn everything_has_a_word_of_its_own_and_a_sentence() {
        for (index, (done, word, sentence)) in ALL.iter().enumerate() {
            assert!(!word.is_empty() && sentence.ends_with('.'));
            assert!(ALL.iter().skip(index + 1).all(|(other, known, _)| other != done && known != word));
        }
    }
}
