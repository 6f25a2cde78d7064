use std::fs;

use jiff::SignedDuration;
use leasehold_runtime::{Clock as _, SystemClock};

use super::super::Verdict;
use super::super::testing::{all_passed, config, patient, the};
use super::*;
use crate::certs::{Authority, Validity};
use crate::config::Config;

struct Papers {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Papers {
    /// A CA and a certificate of it for `localhost` and these hosts.
    fn new(hosts: &[&str], days: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority =
            Authority::new("test", Validity::days(SystemClock::new().now(), 365).unwrap()).unwrap();
        let papers = Self { folder, authority };
        papers.write("tls", &papers.authority, hosts, days);
        fs::write(papers.folder.path().join("ca.pem"), papers.authority.certificate()).unwrap();
        papers
    }

    fn write(&self, name: &str, authority: &Authority, hosts: &[&str], days: u32) {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let validity = Validity::days(SystemClock::new().now(), days).unwrap();
        let pair = authority.service("licensing", &hosts, validity).unwrap();
        fs::write(self.folder.path().join(format!("{name}.pem")), &*pair.certificate).unwrap();
        let key = self.folder.path().join(format!("{name}-key.pem"));
        fs::write(&key, pair.key.as_bytes()).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    fn config(&self, certificate: &str, key: &str, more: &[(&str, &str)]) -> Config {
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (certificate, key, ca) = (path(certificate), path(key), path("ca.pem"));
        let mut settings =
            vec![("tls.certificate", &*certificate), ("tls.key", &key), ("tls.client_ca", &ca)];
        settings.extend(more);
        config(&settings)
    }
}

#[test]
fn a_good_pair_passes_for_its_names_until_it_ends() {
    let papers = Papers::new(&["lic.example.com"], 90);
    let good =
        papers.config("tls.pem", "tls-key.pem", &[("runtime.advertised_addresses", "lic.example.com:16770")]);
    let found = check(&patient(&good));
    all_passed(&found);
    the(&found, "leads to a CA of `tls.client_ca`");
    let in_days = |days: i64| {
        let mut later = patient(&good);
        later.now += SignedDuration::from_hours(24 * days);
        check(&later)
    };
    all_passed(&in_days(75));
    assert_eq!(the(&in_days(80), "is good for 9 days").verdict, Verdict::Warning);
    assert_eq!(the(&in_days(91), "ended at").verdict, Verdict::Failed);
    assert_eq!(the(&in_days(-2), "is good from").verdict, Verdict::Failed);
    let more = [("runtime.advertised_addresses", "other.example.com")];
    let other = papers.config("tls.pem", "tls-key.pem", &more);
    assert_eq!(the(&check(&patient(&other)), "is not for other.example.com").verdict, Verdict::Failed);
}

#[test]
fn a_foreign_ca_another_key_and_everybodys_key_are_told() {
    let papers = Papers::new(&["localhost"], 90);
    let foreign = Authority::new("foreign", Validity::days(SystemClock::new().now(), 365).unwrap()).unwrap();
    papers.write("foreign", &foreign, &["localhost"], 90);
    let found = check(&patient(&papers.config("foreign.pem", "foreign-key.pem", &[])));
    assert_eq!(the(&found, "does not lead to a CA").verdict, Verdict::Warning);
    let found = check(&patient(&papers.config("tls.pem", "foreign-key.pem", &[])));
    assert!(found.iter().any(|finding| finding.verdict == Verdict::Failed && finding.found.contains("does not belong to")));
    let found = check(&patient(&papers.config("nowhere.pem", "tls-key.pem", &[])));
    assert!(
        found
            .iter()
            .any(|finding| finding.verdict == Verdict::Failed && finding.found.contains("nowhere.pem"))
    );
    #[cfg(unix)]
    {
        let key = papers.folder.path().join("tls-key.pem");
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o604)).unwrap();
        let found = check(&patient(&papers.config("tls.pem", "tls-key.pem", &[])));
        assert_eq!(the(&found, "mode 604").verdict, Verdict::Warning);
    }
}

#[test]
fn plain_text_is_for_the_machine_itself() {
    all_passed(&check(&patient(&config(&[]))));
    let open = config(&[("licensing.listen", "0.0.0.0:16770")]);
    assert_eq!(the(&check(&patient(&open)), "`licensing.listen` = 0.0.0.0:16770").verdict, Verdict::Failed);
}

#[test]
fn hosts_are_read_out_of_addresses_and_asterisks_stand_for_one_label() {
    for (address, host) in
        [("a.b:1", "a.b"), ("a", "a"), ("[::1]:2", "::1"), ("::1", "::1"), ("10.0.0.1:9", "10.0.0.1")]
    {
        assert_eq!(host_of(address), host);
    }
    let names = ["*.example.com".to_owned()];
    assert!(
        covers(&names, "a.example.com") && !covers(&names, "a.b.example.com") && !covers(&names, "localhost")
    );
}
