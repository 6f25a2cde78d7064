//! The form of a scenario, and reading one from JSON. A key that has no name here is an error of that scenario.
//! What the keys mean to a server is not known here.

use std::collections::BTreeMap;

use jiff::{SpanRelativeTo, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The server's time where a scenario names none.
const NOW: &str = "2026-01-01T00:00:00Z";
/// What only a server with the model language can do.
const MODEL: &str = "model";

/// A case that starts from nothing.
#[derive(Debug)]
pub(super) struct Scenario {
    /// The server's time in all steps.
    pub(super) now: Timestamp,
    /// The scenario's object without its model: what the reader of estate files takes.
    pub(super) estate: Value,
    /// Requests, in order.
    pub(super) steps: Vec<Step>,
}

/// A request and what is expected after it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) request: RequestText,
    pub(super) expect: Expect,
}

/// A request: the fields of the contract by their names, `device` for a single hostid, and short enumerations.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RequestText {
    pub(super) device: Option<String>,
    pub(super) hostids: Vec<String>,
    pub(super) user: Option<String>,
    pub(super) features: Vec<DesiredText>,
    pub(super) request_id: Option<String>,
    pub(super) instance: String,
    pub(super) client_instance_id: String,
    pub(super) slot: String,
    pub(super) alias: String,
    pub(super) device_type: Option<String>,
    pub(super) host_type: String,
    pub(super) incremental: bool,
    pub(super) partial: bool,
    pub(super) keep_on_refusal: Option<bool>,
    pub(super) mode: Option<String>,
    pub(super) borrow_interval: Option<DurationText>,
    pub(super) borrow_granularity: Option<String>,
    pub(super) dictionary: BTreeMap<String, DictionaryText>,
    pub(super) claims: BTreeMap<String, DictionaryText>,
    pub(super) selectors: BTreeMap<String, String>,
    pub(super) nonce: String,
    pub(super) explain: bool,
    pub(super) operation: Option<String>,
}

/// A feature that is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DesiredText {
    pub(super) name: String,
    #[serde(default = "first_version")]
    pub(super) version: String,
    #[serde(default = "one")]
    pub(super) count: i64,
}

/// A value of a dictionary.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a dictionary's value is a text, a whole number, or a list of them")]
pub(super) enum DictionaryText {
    Text(String),
    Number(i64),
    List(Vec<DictionaryText>),
}

/// Seconds, or a text like `7d`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a duration is a text like \"7d\", or a whole number of seconds")]
pub(super) enum DurationText {
    Seconds(u64),
    Text(String),
}

impl DurationText {
    /// The length of time; a day has 24 hours.
    pub(super) fn read(&self) -> Result<std::time::Duration, String> {
        match self {
            Self::Seconds(seconds) => Ok(std::time::Duration::from_secs(*seconds)),
            Self::Text(text) => text
                .parse::<jiff::Span>()
                .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
                .ok()
                .and_then(|length| length.try_into().ok())
                .ok_or_else(|| {
                    format!("{text:?} is not a duration; write one like \"7d\", \"12h\" or \"90s\"")
                }),
        }
    }
}

/// What is expected after a step. What is left out is not compared.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expect {
    pub(super) outcomes: Option<Vec<OutcomeText>>,
    /// By device, then feature.
    pub(super) held: BTreeMap<String, Counts>,
    /// By device, then line item.
    pub(super) line_items: BTreeMap<String, Counts>,
    /// By feature.
    pub(super) overdraft_used: Counts,
    /// By pool, then feature.
    pub(super) pools: BTreeMap<String, BTreeMap<String, PoolText>>,
    pub(super) same_answer_as_step: Option<usize>,
}

/// Counts by a name.
pub(super) type Counts = BTreeMap<String, i64>;

/// What became of one desired feature.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomeText {
    pub(super) feature: String,
    pub(super) outcome: String,
    pub(super) count: i64,
    #[serde(default)]
    pub(super) reasons: Vec<String>,
}

/// A pool's counter for one feature.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolText {
    pub(super) allocated: i64,
    pub(super) used: i64,
}

/// The keys of a scenario. Those of line items and reservations are checked where an estate is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioText {
    #[serde(rename = "name")]
    _name: Option<String>,
    now: Option<String>,
    #[serde(default, rename = "line_items")]
    _line_items: Vec<Value>,
    #[serde(default, rename = "reservations")]
    _reservations: Vec<Value>,
    #[serde(rename = "model")]
    _model: Option<String>,
    #[serde(rename = "model_warnings")]
    _model_warnings: Option<u64>,
    steps: Vec<StepText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    request: Value,
    expect: Option<Value>,
}

impl Scenario {
    /// Reads a scenario; an error names the path in it.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let text: ScenarioText = at("", value)?;
        let now = text.now.as_deref().unwrap_or(NOW);
        let now = now
            .parse()
            .map_err(|_| format!("now: {now:?} is not a time with its zone; write one like {NOW:?}"))?;
        let steps = text.steps.iter().enumerate().map(|(index, step)| step.read(index));
        Ok(Self { now, estate: without_model(value), steps: steps.collect::<Result<_, _>>()? })
    }
}

impl StepText {
    fn read(&self, index: usize) -> Result<Step, String> {
        let request: RequestText = at(&format!("steps[{index}].request: "), &self.request)?;
        let nothing = Value::Object(Map::new());
        let expect: Expect =
            at(&format!("steps[{index}].expect: "), self.expect.as_ref().unwrap_or(&nothing))?;
        match expect.same_answer_as_step {
            Some(step) if step >= index => Err(format!(
                "steps[{index}].expect: same_answer_as_step: {step} is not an earlier step; the first is 0"
            )),
            _ => Ok(Step { request, expect }),
        }
    }
}

/// Whether a scenario, well-formed or not, needs the model language.
pub(super) fn has_model(scenario: &Value) -> bool {
    scenario.get(MODEL).is_some_and(|model| !model.is_null())
}

fn without_model(scenario: &Value) -> Value {
    let mut estate = scenario.clone();
    if let Value::Object(map) = &mut estate {
        map.remove(MODEL);
    }
    estate
}

fn at<T: DeserializeOwned>(place: &str, value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| format!("{place}{error}"))
}

fn first_version() -> String {
    "1.0".to_owned()
}

fn one() -> i64 {
    1
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complaint(value: &Value) -> String {
        Scenario::read(value).unwrap_err()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let scenario = Scenario::read(&json!({
            "line_items": [], "model": "model \"m\" { }",
            "steps": [{"request": {"device": "D", "features": [{"name": "a"}]}}]
        }))
        .unwrap();
        assert_eq!(scenario.now, NOW.parse().unwrap());
        assert!(scenario.estate.get("model").is_none() && scenario.estate.get("steps").is_some());
        let [Step { request, expect }] = scenario.steps.as_slice() else { panic!("one step") };
        let feature = &request.features[0];
        assert_eq!((feature.version.as_str(), feature.count), ("1.0", 1));
        assert!(request.keep_on_refusal.is_none() && expect.outcomes.is_none());
    }

    #[test]
    fn an_unknown_key_is_told_with_its_place() {
        let step = |request: Value, expect: Value| json!({"line_items": [], "steps": [{"request": request, "expect": expect}]});
        for (scenario, said) in [
            (json!({"line_items": [], "steps": [], "reservation": []}), "unknown field `reservation`"),
            (step(json!({"devise": "D"}), json!({})), "steps[0].request: unknown field `devise`"),
            (
                step(json!({"device": "D", "features": [{"name": "a", "cuont": 1}]}), json!({})),
                "steps[0].request: unknown field `cuont`",
            ),
            (step(json!({"device": "D"}), json!({"holds": {}})), "steps[0].expect: unknown field `holds`"),
            (
                step(json!({"device": "D"}), json!({"pools": {"p": {"f": {"used": 1}}}})),
                "steps[0].expect: missing field `allocated`",
            ),
            (step(json!({"device": "D"}), json!({"same_answer_as_step": 0})), "0 is not an earlier step"),
            (
                json!({"line_items": [], "steps": [{"request": {}, "expected": {}}]}),
                "unknown field `expected`",
            ),
            (json!({"line_items": [], "steps": [], "now": "yesterday"}), "now: \"yesterday\" is not a time"),
        ] {
            assert!(complaint(&scenario).contains(said), "{}", complaint(&scenario));
        }
    }

    #[test]
    fn durations_are_texts_or_seconds() {
        let read = |value: Value| serde_json::from_value::<DurationText>(value).unwrap().read();
        assert_eq!(read(json!("7d")).unwrap().as_secs(), 7 * 86_400);
        assert_eq!(read(json!("12h")).unwrap().as_secs(), 43_200);
        assert_eq!(read(json!(90)).unwrap().as_secs(), 90);
        for text in ["", "soon", "-1d"] {
            assert!(read(json!(text)).is_err(), "{text}");
        }
    }
}
