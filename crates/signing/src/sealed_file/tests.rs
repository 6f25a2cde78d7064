use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use secrecy::ExposeSecret;

use super::SealedFileError::{Damaged, ForAnother, TooLarge, Truncated, Unknown};
use super::key_tests::PRIVATE;
use super::*;

/// Sealed for the reader by Debian's age 1.1.1.
const ARMORED: &str = "\
-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSAvVzJuTTBFK3hMRXJvaUdi
MEVYNVNoZWFObjhhdngyUGU1Q0pxeEdad1dJCnVJM3g4T2VQYi9WTnEyWmJPSkYy
RjJMcXptREU0QmJBTXFhTWZzeW9PV28KLS0tIERvUHVENXpPTHZPMUdsVDhpYVp6
ME9oN2ZCSDlrV1NOcnBqVjlEN2tFY1kKkOVqHUw7lgET46iITXZG1fLGc7HjxsYG
5iiCzDGV2utSBSYyPSbGlAhJbkhrhCKx
-----END AGE ENCRYPTED FILE-----
";
const CONTENT: &[u8] = b"sealed by others";

fn reader() -> Identity {
    Identity::from_text(PRIVATE).unwrap()
}

fn another() -> Identity {
    Identity::generate(&mut StdRng::seed_from_u64(2))
}

/// What the reader finds in it.
fn opened(file: impl AsRef<[u8]>) -> Result<Vec<u8>, SealedFileError> {
    open(file.as_ref(), &reader()).map(|content| content.expose_secret().clone())
}

/// The lines of the armour, the first and the last aside.
fn base64() -> String {
    ARMORED.lines().filter(|line| !line.starts_with('-')).collect()
}

fn armored(base64: &str) -> String {
    format!("-----BEGIN AGE ENCRYPTED FILE-----\n{base64}\n-----END AGE ENCRYPTED FILE-----\n")
}

#[test]
fn what_others_sealed_opens_in_both_forms() {
    assert_eq!(opened(ARMORED).unwrap(), CONTENT);
    let binary = data_encoding::BASE64.decode(base64().as_bytes()).unwrap();
    assert!(binary.starts_with(MAGIC));
    assert_eq!(opened(binary).unwrap(), CONTENT);
}

#[test]
fn both_forms_come_back() {
    for size in [0, 1, 64 * 1024, 200_000] {
        let content = &vec![7; size];
        for form in [Form::Binary, Form::Armored] {
            let file = seal(content, reader().recipient(), form).unwrap();
            assert_eq!(&opened(&file).unwrap(), content, "{form:?}");
            assert_ne!(seal(content, reader().recipient(), form).unwrap(), file, "never twice alike");
            assert_eq!(open(&file, &another()).unwrap_err(), ForAnother);
        }
    }
    let file = String::from_utf8(seal(b"x", reader().recipient(), Form::Armored).unwrap()).unwrap();
    assert!(file.lines().all(|line| line.len() <= 64), "{file}");
    assert!(file.starts_with("-----BEGIN") && file.ends_with("FILE-----\n"), "{file}");
}

#[test]
fn what_mail_does_to_the_armour_is_forgiven() {
    let lines = |before: &str, after: &str| -> String {
        ARMORED.lines().flat_map(|line| [before, line, after, "\n"]).collect()
    };
    let wrapped = |width: usize, end: &str| {
        let base64 = base64();
        let chunks = base64.as_bytes().chunks(width).map(|chunk| str::from_utf8(chunk).unwrap());
        armored(&chunks.collect::<Vec<&str>>().join(end))
    };
    for text in [
        lines("", "\r"),
        lines("> ", ""),
        lines(">", "\r"),
        lines("> > ", "  "),
        lines(">>\t", "\t \r"),
        lines(" ", "\u{a0}"),
        lines(">\u{a0}", ""),
        format!("\u{feff}{ARMORED}"),
        format!("Hello,\n\n-----BEGIN SOMETHING-----\n--\n{ARMORED}-- \nYours -----END\n"),
        ARMORED.trim_end().to_owned(),
        ARMORED.replace('\n', "\n\n"),
        ARMORED.replace('\n', "\r\n> \r\n"),
        wrapped(1, "\n"),
        wrapped(20, "\n"),
        wrapped(76, "\n"),
        wrapped(10_000, "\n"),
        // A paragraph that was filled.
        wrapped(9, " "),
    ] {
        assert_eq!(opened(&text).as_deref(), Ok(CONTENT), "{text}");
    }
}

#[test]
fn the_first_of_several_that_is_for_the_reader_counts() {
    let foreign =
        String::from_utf8(seal(b"a question", another().recipient(), Form::Armored).unwrap()).unwrap();
    let quoted = foreign.replace('\n', "\n> ");
    let cut = foreign.split_at(200).0;
    let damaged = armored(&base64().replace("rhCKx", "rhCKy"));
    for text in [
        format!("{ARMORED}On Monday you wrote:\n> {quoted}"),
        format!("> {quoted}\nSee below.\n{ARMORED}"),
        format!("{cut}\n{ARMORED}"),
        format!("{damaged}{ARMORED}"),
        format!("{}{ARMORED}", foreign.repeat(MAX_ARMORED - 1)),
    ] {
        assert_eq!(opened(&text).as_deref(), Ok(CONTENT), "{text}");
    }
    assert_eq!(opened(format!("{}{ARMORED}", foreign.repeat(MAX_ARMORED))), Err(ForAnother));
    assert_eq!(opened(format!("{foreign}{damaged}{foreign}")), Err(Damaged));
    assert_eq!(opened(format!("{foreign}{foreign}")), Err(ForAnother));
    assert_eq!(opened(format!("{foreign}{cut}")), Err(Truncated));
}

#[test]
fn each_way_not_to_open_has_its_reason() {
    let binary = seal(CONTENT, reader().recipient(), Form::Binary).unwrap();
    let with = |from: &str, to: &str| {
        let (from, to) = (from.as_bytes(), to.as_bytes());
        let at = binary.windows(from.len()).position(|window| window == from).unwrap();
        [&binary[..at], to, &binary[at + from.len()..]].concat()
    };
    let longer = [binary.as_slice(), b"x"].concat();
    let shorter = &binary[..binary.len() - 1];
    let two_chunks = seal(&vec![0; 70_000], reader().recipient(), Form::Binary).unwrap();
    let one_chunk = &two_chunks[..two_chunks.len() - (70_000 - 65_536 + 16)];
    let no_mac = with("\n---", "\n--x");
    for (name, file, error) in [
        ("empty", b"".as_slice(), Truncated),
        ("some bytes of the first line", &binary[..5], Truncated),
        ("within the header", &binary[..60], Truncated),
        ("one of two chunks", one_chunk, Truncated),
        ("within a chunk", shorter, Damaged),
        ("something behind", &longer, Damaged),
        ("no end of the header", &no_mac, Damaged),
        ("a later version", &with("/v1\n", "/v2\n"), Unknown),
        ("another kind of receiver", &with(" X25519 ", " Y25519 "), ForAnother),
        ("a picture", b"\x89PNG\r\n\x1a\n", Unknown),
        ("a text", "Hello,\nwhere is the file?\n".as_bytes(), Unknown),
        ("a cut line", b"-----BEGIN AGE ENC", Truncated),
        ("no last line", ARMORED.split_at(300).0.as_bytes(), Truncated),
        ("another last line", ARMORED.replace("END AGE", "END PGP").as_bytes(), Truncated),
        ("an empty armour", armored("").as_bytes(), Truncated),
        ("another content", armored("aGVsbG8=").as_bytes(), Damaged),
        ("no base64", ARMORED.replace("YWdl", "YW,l").as_bytes(), Damaged),
        ("a character less", ARMORED.replace("YWdl", "YWl").as_bytes(), Damaged),
        ("another spelling of base64", armored(&format!("{}R==", &base64()[..8])).as_bytes(), Damaged),
    ] {
        let found = opened(file).unwrap_err();
        assert_eq!(found, error, "{name}");
        assert!(
            found.reason().starts_with("SEALED_FILE_") && found.to_string().contains("sealed file"),
            "{name}"
        );
    }
}

#[test]
fn sizes_are_bounded_on_both_sides() {
    let most = vec![b'x'; MAX_FILE + 1];
    assert_eq!(seal(&most, reader().recipient(), Form::Binary), Err(TooLarge));
    assert_eq!(opened(&most), Err(TooLarge));
    assert_eq!(opened(&most[1..]), Err(Unknown));
    // No room is left for what comes around the content, least of all in the armoured form.
    assert_eq!(seal(&most[1..], reader().recipient(), Form::Binary), Err(TooLarge));
    assert_eq!(seal(&most[..MAX_FILE / 4 * 3], reader().recipient(), Form::Armored), Err(TooLarge));
    assert!(seal(&most[..MAX_FILE / 4 * 3], reader().recipient(), Form::Binary).is_ok());
}

/// For which the library's time would grow with the square of the receivers.
#[test]
fn receivers_are_bounded() {
    let sealed = |receivers: usize, len: usize| {
        let all = iter::repeat_n(another().recipient().clone(), receivers - 1);
        let all: Vec<Recipient> = all.chain([reader().recipient().clone()]).collect();
        let sealing = Encryptor::with_recipients(all.iter().map(Recipient::as_age)).unwrap();
        let mut writer = sealing.wrap_output(Vec::new()).unwrap();
        writer.write_all(&vec![7; len]).unwrap();
        writer.finish().unwrap()
    };
    assert_eq!(opened(sealed(20, 40_000)).unwrap(), vec![7; 40_000]);
    let many = sealed(200, 40_000);
    assert_eq!(opened(&many), Err(TooLarge));
    // Nor is a header that has lost its end taken for a long one.
    let mut endless = sealed(1, 40_000);
    let end = endless.windows(4).position(|window| window == HEADER_END).unwrap();
    endless[end + 1] = b'+';
    assert_eq!(opened(&endless), Err(Damaged));
}

proptest! {
    #[test]
    fn content_comes_back_however_the_armour_is_wrapped(
        content in prop::collection::vec(any::<u8>(), 0..2000),
        widths in prop::collection::vec(1_usize..100, 1..20),
        crlf: bool,
        quote in "(> ?){0,3}",
        around in "[a-zA-Z >.\n]{0,100}",
    ) {
        let file = seal(&content, reader().recipient(), Form::Armored).unwrap();
        let base64: String =
            str::from_utf8(&file).unwrap().lines().filter(|line| !line.starts_with('-')).collect();
        let mut rest = base64.as_str();
        let mut lines = Vec::new();
        for width in widths.iter().cycle() {
            if rest.is_empty() { break; }
            let (line, after) = rest.split_at(rest.len().min(*width));
            lines.push(line);
            rest = after;
        }
        let end = if crlf { "\r\n" } else { "\n" };
        let text = armored(&lines.join("\n")).replace('\n', &format!("{end}{quote}"));
        prop_assert_eq!(opened(format!("{around}\n{quote}{text}\n{around}")), Ok(content));
    }

    #[test]
    fn text_with_the_lines_of_the_armour_in_it_never_panics(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----", "\n", "\r\n", "> ", " ",
            "YWdlLWVuY3J5cHRpb24ub3JnL3YxCg==", "age-encryption.org/v1\n", "-> X25519 a\n", "--- ", "=",
        ]), 0..40),
    ) {
        prop_assert!(opened(pieces.concat()).is_err());
    }
}
