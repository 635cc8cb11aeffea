//! A report for programs. The contract is `schemas/report.v1.schema.json`: keys are added, never renamed or removed.

use super::record::sign;
use super::{Against, Report, holding, words};
use crate::bundle::ResourceId;
use crate::diagnostic::{Finding, Refusal};
use crate::k8s::object::ObjectName;
use crate::review::fields::FieldChange;
use crate::review::holdings::Holding;
use crate::review::orphans::Orphan;
use crate::review::risk::Risk;
use crate::review::running::{self as live, Live, Sort};
use crate::review::verdict::Verdict;
use crate::review::{Change, Review};
use serde::Serialize;
use serde_json::{Map, Value};

/// What it promises, as a JSON Schema.
pub const SCHEMA: &str = include_str!("../../schemas/report.v1.schema.json");

/// What `version` says.
const VERSION: u32 = 1;

/// One object with all there is to say.
#[must_use]
pub fn render(report: &Report) -> String {
    let all = report.all();
    let document = Document {
        version: VERSION,
        comparison: report.against.as_ref().map(|against| Comparison::new(against, &report.reviews)),
        findings: all.iter().map(Entry::from).collect(),
    };
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    crate::printable::json(&text)
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    version: u32,
    #[serde(flatten)]
    comparison: Option<Comparison<'a>>,
    findings: Vec<Entry<'a>>,
}

/// What is there only when something was compared.
#[derive(Debug, Serialize)]
struct Comparison<'a> {
    against: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
    changed: bool,
    verdict: &'static str,
    verdicts: Vec<Judged<'a>>,
    changes: Vec<Changed<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Judged<'a> {
    title: &'a str,
    verdict: &'static str,
    line: String,
    notes: Vec<String>,
    order: Map<String, Value>,
    risks: Vec<Endangered<'a>>,
    stale_acknowledgements: &'a [String],
    runbooks: Vec<Book>,
    before: Vec<Held>,
    after: Vec<Held>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<Running<'a>>,
}

/// What runs otherwise, where it was compared with that.
#[derive(Debug, Serialize)]
struct Running<'a> {
    drift: Vec<Drifted<'a>>,
    orphans: Vec<Orphaned<'a>>,
    absent: Vec<Object<'a>>,
}

#[derive(Debug, Serialize)]
struct Drifted<'a> {
    object: Object<'a>,
    what: Vec<String>,
    fields: Vec<Otherwise<'a>>,
}

#[derive(Debug, Serialize)]
struct Otherwise<'a> {
    path: &'a str,
    drift: &'static str,
    stated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    committed: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Orphaned<'a> {
    object: Object<'a>,
    what: String,
}

#[derive(Debug, Serialize)]
struct Endangered<'a> {
    change: &'a str,
    what: String,
    object: Object<'a>,
    acknowledged: bool,
}

#[derive(Debug, Serialize)]
struct Book {
    title: String,
    steps: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct Held {
    pod: String,
    claim: String,
    volume: String,
    disk: String,
}

#[derive(Debug, Serialize)]
struct Changed<'a> {
    review: &'a str,
    object: Object<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Object<'a>>,
    change: &'static str,
    verdict: &'static str,
    effect: String,
    fields: Vec<Field<'a>>,
    refusals: Vec<Refused<'a>>,
}

#[derive(Debug, Serialize)]
struct Field<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    code: &'a str,
    name: &'a str,
    level: &'a str,
    message: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
    object: Option<Object<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refused<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Place<'a>>,
}

#[derive(Debug, Serialize)]
struct Object<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

#[derive(Debug, Serialize)]
struct Refused<'a> {
    field: &'a str,
    r#type: &'a str,
    detail: &'a str,
}

#[derive(Debug, Serialize)]
struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    text: &'a str,
}

impl<'a> Comparison<'a> {
    fn new(against: &'a Against, reviews: &'a [Review]) -> Self {
        let (against, revision) = match against {
            Against::Files => ("files", None),
            Against::Revision(name) => ("revision", Some(name.as_str())),
            Against::Named => ("named", None),
            Against::Live => ("live", None),
        };
        let changes =
            reviews.iter().flat_map(|review| review.changes.iter().map(|change| Changed::new(review, change)));
        Self {
            against,
            revision,
            changed: reviews.iter().any(|review| !review.changes.is_empty()),
            verdict: reviews.iter().map(|review| review.judgement.verdict).max().unwrap_or(Verdict::None).word(),
            verdicts: reviews.iter().map(Judged::from).collect(),
            changes: changes.collect(),
        }
    }
}

impl<'a> From<&'a Review> for Judged<'a> {
    fn from(review: &'a Review) -> Self {
        let judgement = &review.judgement;
        let seen = |name: &ObjectName| name.seen_from(&review.home).to_string();
        let order = judgement.order.iter().map(|(set, moves)| (seen(set), moves.iter().map(sign).collect()));
        Self {
            title: &review.title,
            verdict: judgement.verdict.word(),
            line: words::line(review),
            notes: words::notes(review),
            order: order.collect(),
            risks: judgement.risks.iter().map(|risk| Endangered::new(review, risk)).collect(),
            stale_acknowledgements: &judgement.stale,
            runbooks: words::books(review).into_iter().map(Book::from).collect(),
            before: review.before.iter().map(|held| Held::new(held, &review.home)).collect(),
            after: review.after.iter().map(|held| Held::new(held, &review.home)).collect(),
            live: review.live.as_ref().map(|live| Running::new(review, live)),
        }
    }
}

impl<'a> Running<'a> {
    fn new(review: &'a Review, live: &'a Live) -> Self {
        let drift = live.drifts.iter().map(|drifted| Drifted {
            object: Object::from(&drifted.id),
            what: words::drifts(review, drifted),
            fields: drifted.fields.iter().map(Otherwise::from).collect(),
        });
        let orphan =
            |orphan: &'a Orphan| Orphaned { object: Object::from(&orphan.id), what: words::orphan(review, orphan) };
        Self {
            drift: drift.collect(),
            orphans: live.orphans.iter().map(orphan).collect(),
            absent: live.absent.iter().map(Object::from).collect(),
        }
    }
}

impl<'a> From<&'a live::Field> for Otherwise<'a> {
    fn from(field: &'a live::Field) -> Self {
        let value = |node: &Option<crate::value::Node>| node.as_ref().map(crate::json::from_node);
        let time = |time: &'a str| (!time.is_empty()).then_some(time);
        Self {
            path: &field.path,
            drift: match field.sort {
                Sort::Changed => "changed",
                Sort::Added => "added",
                Sort::Removed => "removed",
                Sort::Held => "managed",
            },
            stated: field.is_stated,
            manager: field.by.as_ref().map(|by| by.manager.as_str()),
            time: field.by.as_ref().and_then(|by| time(by.time.as_str())),
            committed: value(&field.committed),
            fresh: value(&field.fresh),
            live: value(&field.live),
        }
    }
}

impl<'a> Changed<'a> {
    fn new(review: &'a Review, change: &'a Change) -> Self {
        Self {
            review: &review.title,
            object: Object::from(&change.id),
            from: change.from.as_ref().map(Object::from),
            change: change.kind.word(),
            verdict: change.verdict.word(),
            effect: words::effect(review, change),
            fields: change.fields.iter().map(Field::from).collect(),
            refusals: change.refusals.iter().map(Refused::from).collect(),
        }
    }
}

impl<'a> From<&'a FieldChange> for Field<'a> {
    fn from(field: &'a FieldChange) -> Self {
        let value = |node: &Option<_>| node.as_ref().map(crate::json::from_node);
        Self { path: &field.path, old: value(&field.old), new: value(&field.new) }
    }
}

impl<'a> Endangered<'a> {
    fn new(review: &Review, risk: &'a Risk) -> Self {
        Self {
            change: &risk.change,
            what: words::risk(review, risk),
            object: Object::from(&risk.about),
            acknowledged: risk.acknowledged,
        }
    }
}

impl From<words::Book> for Book {
    fn from(book: words::Book) -> Self {
        let steps = book.steps.into_iter().map(|step| {
            serde_json::json!({
                "before": step.before, "command": step.command, "expect": step.expect, "check": step.check
            })
        });
        Self { title: book.title, steps: steps.collect() }
    }
}

impl Held {
    fn new(holding: &Holding, home: &str) -> Self {
        let [pod, claim, volume, disk] = holding::cells(holding, home);
        Self { pod, claim, volume, disk }
    }
}

impl<'a> From<&'a ResourceId> for Object<'a> {
    fn from(id: &'a ResourceId) -> Self {
        Self { group: Some(&id.group), kind: &id.kind, namespace: &id.namespace, name: &id.name }
    }
}

impl<'a> From<&'a Refusal> for Refused<'a> {
    fn from(refusal: &'a Refusal) -> Self {
        Self { field: &refusal.field, r#type: refusal.kind, detail: &refusal.detail }
    }
}

impl<'a> From<&'a Finding> for Entry<'a> {
    fn from(finding: &'a Finding) -> Self {
        let place = |(spot, text): &'a (crate::source::Spot, String)| Place {
            file: &spot.file,
            line: spot.line,
            column: spot.column,
            text,
        };
        Self {
            code: finding.code.id,
            name: finding.code.name,
            level: finding.level.word(),
            message: &finding.message,
            file: &finding.spot.file,
            line: finding.spot.line,
            column: finding.spot.column,
            object: finding.subject.as_ref().map(|subject| Object {
                group: None,
                kind: &subject.kind,
                namespace: &subject.namespace,
                name: &subject.name,
            }),
            refusal: finding.refusal.as_ref().map(Refused::from),
            help: finding.help.as_deref(),
            also: finding.also.iter().map(place).collect(),
        }
    }
}
