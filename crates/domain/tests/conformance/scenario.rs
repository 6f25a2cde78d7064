//! The form of a scenario file. A key that is not named here is an error.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScenarioFile {
    pub(crate) scenarios: Vec<Scenario>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) now: Option<String>,
    pub(crate) line_items: Vec<LineItemText>,
    #[serde(default)]
    pub(crate) reservations: Vec<ReservationText>,
    pub(crate) model: Option<String>,
    #[expect(dead_code, reason = "read where models are")]
    pub(crate) model_warnings: Option<u64>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineItemText {
    pub(crate) id: String,
    pub(crate) feature: String,
    #[serde(default = "first_version")]
    pub(crate) version: String,
    pub(crate) count: u64,
    pub(crate) overdraft: Option<String>,
    pub(crate) starts_at: Option<String>,
    pub(crate) expires_at: Option<String>,
    pub(crate) grace_after_expiry: Option<String>,
    #[serde(default = "yes")]
    pub(crate) allow_virtual: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReservationText {
    pub(crate) group: String,
    pub(crate) hostid: String,
    pub(crate) entries: Vec<EntryText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryText {
    pub(crate) feature: String,
    #[serde(default = "first_version")]
    pub(crate) version: String,
    pub(crate) count: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) request: RequestText,
    pub(crate) expect: Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestText {
    pub(crate) device: String,
    pub(crate) features: Vec<DesiredText>,
    pub(crate) user: Option<String>,
    #[serde(default)]
    pub(crate) device_type: DeviceTypeText,
    #[serde(default)]
    pub(crate) host_type: String,
    #[serde(default)]
    pub(crate) dictionary: BTreeMap<String, DictionaryText>,
    #[serde(default)]
    pub(crate) incremental: bool,
    #[serde(default)]
    pub(crate) partial: bool,
    #[serde(default = "yes")]
    pub(crate) keep_on_refusal: bool,
    #[serde(default)]
    pub(crate) operation: OperationText,
    pub(crate) request_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DesiredText {
    pub(crate) name: String,
    #[serde(default = "first_version")]
    pub(crate) version: String,
    #[serde(default = "one")]
    pub(crate) count: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum DictionaryText {
    Text(String),
    Number(i64),
    List(Vec<DictionaryText>),
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum DeviceTypeText {
    Physical,
    Virtual,
    #[default]
    Unknown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum OperationText {
    #[default]
    Request,
    Preview,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) outcomes: Vec<OutcomeText>,
    /// By device, then feature.
    #[serde(default)]
    pub(crate) held: BTreeMap<String, BTreeMap<String, u64>>,
    /// By device, then line item.
    #[serde(default)]
    pub(crate) line_items: BTreeMap<String, BTreeMap<String, u64>>,
    /// By feature.
    #[serde(default)]
    pub(crate) overdraft_used: BTreeMap<String, u64>,
    /// By pool, then feature.
    #[serde(default)]
    pub(crate) pools: BTreeMap<String, BTreeMap<String, PoolText>>,
    pub(crate) same_answer_as_step: Option<usize>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutcomeText {
    pub(crate) feature: String,
    pub(crate) outcome: String,
    pub(crate) count: u64,
    pub(crate) reasons: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read where models are")]
pub(crate) struct PoolText {
    pub(crate) allocated: u64,
    pub(crate) used: u64,
}

fn first_version() -> String {
    "1.0".to_owned()
}

fn yes() -> bool {
    true
}

fn one() -> u64 {
    1
}
