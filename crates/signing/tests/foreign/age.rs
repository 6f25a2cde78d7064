//! age seals and opens files.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use leasehold_signing::ExposeSecret;
use leasehold_signing::sealed_file::{self, Form, Identity, Recipient};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::{run, works};

/// Names the program to use; `age-keygen` is beside it.
const AGE: &str = "LEASEHOLD_TEST_AGE";
/// None, less than one, exactly one and several pieces of 64 KiB.
const SIZES: [usize; 5] = [0, 1, 64 * 1024, 64 * 1024 + 1, 300_000];

/// The program.
pub(crate) struct Age(OsString);

impl Age {
    /// The one that is named, which has to work, or one on the path.
    pub(crate) fn find() -> Option<Self> {
        let named = std::env::var_os(AGE);
        let age = Self(named.clone().unwrap_or_else(|| "age".into()));
        let there = works(Command::new(&age.0).arg("--version")) && works(age.keygen().arg("--version"));
        let advice = "run `apt-get install age`";
        assert!(there || named.is_none(), "{} with age-keygen does not work; {advice}", age.0.display());
        if !there {
            eprintln!("SKIPPED: {advice}, or set {AGE}");
        }
        there.then_some(age)
    }

    fn keygen(&self) -> Command {
        Command::new(Path::new(&self.0).with_file_name("age-keygen"))
    }

    /// What it finds in the file, as the owner of the identity.
    pub(crate) fn open(&self, file: &Path, identity: &Identity) -> Vec<u8> {
        let key = file.with_extension("key");
        std::fs::write(&key, &*identity.expose_text()).unwrap();
        run(Command::new(&self.0).args(["--decrypt", "--identity"]).args([&key, file]))
    }

    /// What it makes of the content of the file.
    pub(crate) fn seal(&self, content: &Path, recipient: &Recipient, form: Form) -> Vec<u8> {
        let mut seal = Command::new(&self.0);
        seal.args(["--encrypt", "--recipient"]).arg(recipient.to_string());
        if form == Form::Armored {
            seal.arg("--armor");
        }
        run(seal.arg(content))
    }
}

fn identity() -> Identity {
    Identity::generate(&mut StdRng::seed_from_u64(1))
}

fn content(size: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(size).collect()
}

#[test]
fn age_opens_what_we_seal() {
    let Some(age) = Age::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    for (size, form) in SIZES.iter().flat_map(|size| [(*size, Form::Binary), (*size, Form::Armored)]) {
        let sealed = sealed_file::seal(&content(size), identity().recipient(), form).unwrap();
        std::fs::write(&file, sealed).unwrap();
        assert_eq!(age.open(&file, &identity()), content(size), "{size}, {form:?}");
    }
}

#[test]
fn we_open_what_age_seals() {
    let Some(age) = Age::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("content");
    for (size, form) in SIZES.iter().flat_map(|size| [(*size, Form::Binary), (*size, Form::Armored)]) {
        std::fs::write(&file, content(size)).unwrap();
        let sealed = age.seal(&file, identity().recipient(), form);
        let opened = sealed_file::open(&sealed, &identity()).unwrap();
        assert_eq!(opened.expose_secret(), &content(size), "{size}, {form:?}");
    }
}

/// Both sides read and print the same texts of keys.
#[test]
fn keys_are_those_of_age_keygen() {
    let Some(age) = Age::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let theirs = dir.path().join("theirs");
    run(age.keygen().arg("--output").arg(&theirs));
    let made = std::fs::read_to_string(&theirs).unwrap();
    let private = made.lines().find(|line| !line.starts_with('#')).unwrap();
    let ours = dir.path().join("ours");
    std::fs::write(&ours, &*identity().expose_text()).unwrap();
    for (file, identity) in [(theirs, Identity::from_text(private).unwrap()), (ours, identity())] {
        let printed = String::from_utf8(run(age.keygen().arg("-y").arg(&file))).unwrap();
        assert_eq!(&printed.trim().parse::<Recipient>().unwrap(), identity.recipient());
        assert_eq!(printed.trim(), identity.recipient().to_string());
    }
    assert_eq!(&*Identity::from_text(private).unwrap().expose_text(), private);
}
