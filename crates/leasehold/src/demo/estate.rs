//! What the firm of the demonstration owns: the rights of a small engineering firm.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::estate_file::EstateFile;

/// Who the firm is.
pub(super) const FIRM: &str = "Bridge & Tower";
/// What its programs ask for.
pub(super) const RENDERING: &str = "3D Rendering";
pub(super) const EXPORT: &str = "Export";
pub(super) const VR: &str = "VR Mode";
pub(super) const PRINTING: &str = "Printing";
/// The device that counts are set aside for.
pub(super) const RESERVED_FOR: &str = "render-01";

/// When the feature that expires soon does.
const SOON: SignedDuration = SignedDuration::from_hours(9 * 24);
const LATER: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Line items and a reservation, with dates that are ahead of `now`.
pub(super) fn of_a_small_firm(now: Timestamp) -> EstateFile {
    let after = |time| now.checked_add(time).map(|at| at.to_string()).unwrap_or_default();
    let estate = json!({
        "name": "Bridge & Tower, a small engineering firm",
        "line_items": [
            {"id": "BT-1001", "feature": RENDERING, "version": "5.2", "count": 20, "overdraft": "10%",
             "expires_at": after(LATER), "grace_after_expiry": "14d"},
            {"id": "BT-1002", "feature": EXPORT, "version": "5.0", "count": 6, "expires_at": after(LATER)},
            {"id": "BT-1003", "feature": EXPORT, "version": "4.1", "count": 3,
             "notice": "Version 4 of Export is not maintained any more; move to 5.0."},
            {"id": "BT-1004", "feature": VR, "version": "1.3", "count": 3, "expires_at": after(SOON),
             "allow_virtual": false},
            {"id": "BT-1005", "feature": PRINTING, "version": "2.0"},
        ],
        "reservations": [
            {"group": "Night rendering", "hostid": RESERVED_FOR, "entries": [{"feature": RENDERING, "count": 2}]},
        ],
    });
    EstateFile::from_scenario(&estate).expect("a test reads it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_firm_owns_what_its_programs_ask_for() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let estate = of_a_small_firm(now);
        for feature in [RENDERING, EXPORT, VR, PRINTING] {
            assert!(estate.items.iter().any(|item| item.feature.as_str() == feature), "{feature}");
        }
        let soon = estate.items.iter().filter_map(|item| item.expires_at).min().unwrap();
        assert_eq!(soon.to_string(), "2026-12-08T12:00:00Z");
        assert_eq!(estate.groups.len(), 1);
        assert!(estate.items.iter().any(|item| item.count.is_none()), "one is uncounted");
    }
}
