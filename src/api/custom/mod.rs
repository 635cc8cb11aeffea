//! The API server's answer to custom resources: by their definitions where somebody gave them, and as they stand where
//! nobody did, for then nobody can say that a cluster refuses them. Knows no kind of its own.

pub(crate) mod definitions;
pub(crate) mod embedded;
pub(crate) mod format;
pub(crate) mod json_schema;
pub(crate) mod lists;
pub(crate) mod old;
pub(crate) mod pattern;
pub(crate) mod prepare;
pub(crate) mod rule;
pub(crate) mod rules;
pub mod schema;
pub(crate) mod values;

pub use definitions::{Custom, Customs, Found, Served};

use super::admission::cause::{Causes, Path, Warning};
use super::admission::decode::Door;
use super::admission::meta::{self, Naming, Scope};
use super::admission::{self, Answer, Stage};
use super::apply::{self, Applied};
use super::patch::{self, merge_patch};
use crate::budget::{self, Account};
use crate::diagnostic::Refusal;
use crate::k8s::custom::is_custom;
use crate::k8s::gate;
use crate::k8s::shape;
use crate::k8s::version::Version;
use crate::source::At;
use crate::value::{Data, Node};
use old::Old;
use schema::Schema;
use std::collections::BTreeSet;

/// One thing that is wrong with a custom resource, in the API server's words.
#[derive(Clone, Debug)]
pub struct Fault {
    /// `spec.servers[0].port`
    pub path: String,
    /// `FieldValueRequired`, …, `UnknownField`, `NoMatch`; [`UNCHECKED`].
    pub kind: &'static str,
    /// The server's detail.
    pub message: String,
    /// Where it is.
    pub at: At,
}

impl Fault {
    fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.path, &self.message) == (other.kind, &other.path, &other.message)
    }
}

/// What the server adds where it did not come to the rules of a schema: no fault of its own.
pub const UNCHECKED: &str = "RulesUnchecked";

/// What the server says to a custom resource whose definition is there.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Where it stopped; `None` where it took it.
    pub stage: Option<Stage>,
    /// Why it refuses it.
    pub faults: Vec<Fault>,
    /// What it warns of.
    pub warnings: Vec<Warning>,
    /// The object as it would be stored.
    pub object: Option<Node>,
    /// Whether a JSON Schema judged, and not the model of the server.
    pub by_schema: bool,
    /// What could not be judged here.
    pub unjudged: BTreeSet<Unjudged>,
}

/// A part of a definition that nobody here can judge by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unjudged {
    /// The object is so large that not all of it was judged.
    Large,
    /// A rule in CEL that cannot be read, or asks for what we do not have.
    Rule {
        /// As it was written.
        rule: String,
        /// Why.
        why: String,
    },
    /// A pattern that cannot be read.
    Pattern(String),
    /// A JSON Schema that cannot be read: why.
    Schema(String),
}

impl Judgement {
    fn stopped(stage: Stage, faults: Vec<Fault>) -> Self {
        Self { stage: Some(stage), faults, ..Self::default() }
    }

    /// The same as an answer of the server.
    #[must_use]
    pub fn into_answer(self) -> Answer {
        let refusal = |fault: Fault| Refusal { field: fault.path, kind: fault.kind, detail: fault.message };
        Answer {
            stage: self.stage,
            at: self.faults.first().map(|fault| fault.at),
            refusals: self.faults.into_iter().map(refusal).collect(),
            warnings: self.warnings,
            object: self.object,
            ..Answer::default()
        }
    }
}

/// Whether an object is one that only a definition can know.
#[must_use]
pub fn concerns(node: &Node, customs: &Customs) -> bool {
    let (api_version, kind) = (text(node, "apiVersion"), text(node, "kind"));
    shape::find(api_version, kind).is_none() && (is_custom(api_version, kind) || customs.has(api_version, kind))
}

/// What the server says to a new object of any kind.
#[must_use]
pub fn create(node: &Node, customs: &Customs, version: Version) -> Answer {
    if !concerns(node, customs) {
        return admission::create(&crate::api::plugin::admitted(node), version);
    }
    match judge(node, None, customs, version) {
        Some(judgement) => judgement.into_answer(),
        None => Answer { object: Some(node.clone()), ..Answer::default() },
    }
}

/// `kubectl apply` of a manifest of any kind over a stored object.
#[must_use]
pub fn apply(last_applied: &Node, stored: &Node, manifest: &Node, customs: &Customs, version: Version) -> Applied {
    if !concerns(manifest, customs) {
        return apply::apply(last_applied, stored, manifest, version);
    }
    let map = |node: &Node| node.as_map().cloned().unwrap_or_default();
    let live = map(stored);
    let patch = match merge_patch::three_way(&map(last_applied), &live, &map(manifest)) {
        Ok(patch) => patch,
        Err(patch::Fault(detail)) => {
            let refusal = Refusal { field: String::new(), kind: "BadPatch", detail };
            return Applied { answer: Answer::refused(Stage::Decode, vec![refusal]), unchanged: false };
        }
    };
    if patch.is_empty() {
        return Applied { answer: Answer { object: Some(stored.clone()), ..Answer::default() }, unchanged: true };
    }
    let merged = Node::map(merge_patch::onto(live, &patch), manifest.at);
    let answer = match judge(&merged, Some(stored), customs, version) {
        Some(judgement) => judgement.into_answer(),
        None => Answer { object: Some(merged), ..Answer::default() },
    };
    Applied { answer, unchanged: false }
}

/// What the server says to a custom resource, new or in the place of a stored one. `None` if no definition of its kind
/// was given, so that nobody can say.
#[must_use]
pub fn judge(node: &Node, stored: Option<&Node>, customs: &Customs, version: Version) -> Option<Judgement> {
    let (api_version, kind) = (text(node, "apiVersion"), text(node, "kind"));
    let Some(found) = customs.find(api_version, kind) else {
        return customs.described(api_version, kind).map(|described| described.judge(node));
    };
    Some(match found {
        Found::Version(custom, served) => ServedKind { custom, served, version }.judge(node, stored),
        Found::NoVersion => {
            let message = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
            let fault = Fault { path: String::new(), kind: "NoMatch", message, at: node.place_of("apiVersion") };
            Judgement::stopped(Stage::NoMatch, vec![fault])
        }
    })
}

/// What is wrong with a value by a schema that stands somewhere within that of a resource.
#[must_use]
pub fn misfits(schema: &Node, value: &Node, version: Version) -> Vec<Fault> {
    let schema = Schema::read(schema);
    let mut pruned = value.clone();
    let mut found = prepare::prune(&mut pruned, &schema, false);
    prepare::drop_nulls(&mut pruned, Some(&schema));
    prepare::fill(&mut pruned, &schema);
    found.extend(values::faults(
        &schema,
        &pruned,
        None,
        version,
        &Account::new(budget::CUSTOM_STEPS),
        &mut BTreeSet::new(),
    ));
    found
}

struct ServedKind<'c> {
    custom: &'c Custom,
    served: &'c Served,
    version: Version,
}

/// Faults after which the server does not look at the rules of a schema.
const BLOCKING: [&str; 5] =
    ["FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"];

impl ServedKind<'_> {
    fn judge(&self, node: &Node, stored: Option<&Node>) -> Judgement {
        let schema = self.served.schema();
        let mut object = node.clone();
        if let Err((stage, faults)) = self.decode(&mut object) {
            return Judgement::stopped(stage, faults);
        }
        prepare::fill(&mut object, schema);
        let mut causes = Causes::default();
        let door = if stored.is_some() { Door::Patch } else { Door::Body };
        if let Some(stored) = stored
            && let Err(answer) = admission::check_resource_version(&mut object, stored)
        {
            let refusals = answer.refusals.into_iter();
            let faults = refusals.map(|refusal| self.placed(node, refusal)).collect();
            return Judgement::stopped(answer.stage.unwrap_or(Stage::Request), faults);
        }
        if self.served.has_status {
            admission::take_over_status(&mut object, stored);
        }
        admission::take_over_custom_metadata(&mut object, stored, self.custom.namespaced, door, &mut causes);
        let before = stored.cloned().map(|mut stored| {
            prepare::fill(&mut stored, schema);
            stored
        });
        let mut judgement = self.rules(node, &object, before.as_ref(), &mut causes);
        judgement.warnings = causes.warnings;
        judgement.warnings.extend(finalizer_warnings(&object, stored));
        if judgement.faults.is_empty() {
            judgement.object = Some(object);
        } else {
            judgement.stage = Some(Stage::Validate);
        }
        judgement
    }

    /// Everything before defaults and rules.
    fn decode(&self, object: &mut Node) -> Result<(), (Stage, Vec<Fault>)> {
        let schema = self.served.schema();
        let mut unknown = Vec::new();
        if let Err(faults) = prepare::read_metadata(object, &Path::ROOT, self.version) {
            if faults.iter().any(|fault| fault.kind != "UnknownField") {
                return Err((Stage::Decode, faults));
            }
            unknown.extend(faults);
        }
        if !self.served.keeps_unknown {
            unknown.extend(prepare::prune(object, schema, true));
            prepare::drop_nulls(object, Some(schema));
        }
        let mut in_embedded = Vec::new();
        if let Err(faults) = prepare::read_embedded(object, schema, &Path::ROOT, self.version, &mut in_embedded) {
            return Err((Stage::Decode, faults));
        }
        unknown.extend(in_embedded);
        if unknown.is_empty() { Ok(()) } else { Err((Stage::StrictDecode, unknown)) }
    }

    fn rules(&self, written: &Node, object: &Node, stored: Option<&Node>, causes: &mut Causes) -> Judgement {
        let schema = self.served.schema();
        let mut unjudged = BTreeSet::new();
        match stored {
            None => meta::custom(object, self.custom.namespaced, Naming::Subdomain, self.version, causes),
            Some(stored) => meta::update(
                object,
                stored,
                Scope { namespaced: self.custom.namespaced, qualified: false },
                Naming::Segment,
                self.version,
                causes,
            ),
        }
        let refusals = std::mem::take(&mut causes.refusals);
        let mut faults: Vec<Fault> = refusals.into_iter().map(|refusal| self.placed(written, refusal)).collect();
        let account = Account::new(budget::CUSTOM_STEPS);
        let ratchets = gate::CRD_VALIDATION_RATCHETING.is_on(self.version);
        let old = stored.filter(|_| ratchets).map(|stored| Old::new(stored, schema));
        faults.extend(values::faults(schema, object, old, self.version, &account, &mut unjudged));
        self.scale(object, &mut faults);
        embedded::faults(schema, object, &Path::ROOT, self.version, &mut faults);
        let repeats = |object: &Node| {
            let mut found = Vec::new();
            lists::repetitions(schema, object, &Path::ROOT, &mut found);
            found
        };
        if stored.is_none_or(|stored| repeats(stored).is_empty()) {
            faults.extend(repeats(object));
        }
        if account.left() == 0 {
            unjudged.insert(Unjudged::Large);
        }
        if schema.has_rules && faults.iter().any(|fault| BLOCKING.contains(&fault.kind)) {
            let message = "some validation rules were not checked because the object was invalid; correct the \
                existing errors to complete \
                           validation";
            faults.push(Fault { path: String::new(), kind: UNCHECKED, message: message.into(), at: written.at });
        } else if schema.has_rules {
            faults.extend(rules::faults(schema, object, stored, old, &mut unjudged));
        }
        Judgement { faults, unjudged, ..Judgement::default() }
    }

    /// `ValidateScaleSpec`: the replicas that the `scale` resource shows.
    fn scale(&self, object: &Node, faults: &mut Vec<Fault>) {
        let Some(path) = &self.served.replicas else { return };
        let mut node = object;
        let mut add = |at: At, message: String| {
            faults.push(Fault { path: path.to_string(), kind: "FieldValueInvalid", message, at });
        };
        for step in path.trim_start_matches('.').split('.') {
            let Data::Map(map) = &node.data else {
                let (value, go) = go_type(node);
                return add(
                    node.at,
                    format!("{path} accessor error: {value} is of the type {go}, expected map[string]interface{{}}"),
                );
            };
            let Some(inner) = map.get(step) else { return };
            node = inner;
        }
        match node.data {
            Data::Int(replicas) if replicas < 0 => add(node.at, "should be a non-negative integer".into()),
            Data::Int(replicas) if replicas > i64::from(i32::MAX) => {
                add(node.at, format!("should be less than or equal to {}", i32::MAX));
            }
            Data::Int(_) => {}
            _ => {
                let (value, go) = go_type(node);
                add(node.at, format!("{path} accessor error: {value} is of the type {go}, expected int64"));
            }
        }
    }

    #[expect(clippy::unused_self, reason = "one of the court's steps")]
    fn placed(&self, written: &Node, refusal: Refusal) -> Fault {
        let at = written.place_of(&refusal.field);
        Fault { path: refusal.field, kind: refusal.kind, message: refusal.detail, at }
    }
}

/// A value and its type, as Go prints them.
fn go_type(node: &Node) -> (String, &'static str) {
    let value = node.as_str().map_or_else(|| crate::json::from_node(node).to_string(), str::to_owned);
    let go = match node.data {
        Data::Null => "<nil>",
        Data::Bool(_) => "bool",
        Data::Int(_) => "int64",
        Data::Float(_) => "float64",
        Data::Text(_) => "string",
        Data::List(_) => "[]interface {}",
        Data::Map(_) => "map[string]interface {}",
    };
    (value, go)
}

/// `generateWarningsFromObj`: finalizers that others could use too.
fn finalizer_warnings(object: &Node, stored: Option<&Node>) -> Vec<Warning> {
    let of = |object: &Node| -> Vec<String> {
        let list = object.find(&["metadata", "finalizers"]).and_then(Node::as_list).unwrap_or_default();
        list.iter().filter_map(Node::as_str).map(str::to_owned).collect()
    };
    let before = stored.map(of).unwrap_or_default();
    let mut added: Vec<String> = of(object).into_iter().filter(|name| !before.contains(name)).collect();
    added.sort();
    added.dedup();
    let mut warnings = Vec::new();
    for name in added {
        let said = |message: &str| Warning::at("metadata.finalizers", format!("\"{name}\": {message}"));
        warnings.extend(crate::k8s::name::label_key(&name).iter().map(|fault| said(fault)));
        if !name.contains('/') && !meta::STANDARD_FINALIZERS.contains(&name.as_str()) {
            let path = if name.contains('.') { " including a path (/)" } else { "" };
            warnings.push(said(&format!(
                "prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other finalizer \
                    writers"
            )));
        }
    }
    warnings
}

fn text<'n>(node: &'n Node, key: &str) -> &'n str {
    node.get(key).and_then(Node::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;
    use crate::yaml::{parts, read_part};

    fn read(text: &str) -> Node {
        let mut sources = Sources::default();
        let id = sources.add("t", text);
        read_part(id, text, parts(text)[0], &mut Diagnostics::default()).flatten().unwrap()
    }

    const WIDGETS: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, format: int32, minimum: 1, exclusiveMinimum: true}
              mode: {type: string, enum: [fast, slow]}
              port: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
              note: {type: string, nullable: true, pattern: '^[a-z]+$'}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              labels: {type: object, additionalProperties: {type: string}}
              parts:
                type: array
                maxItems: 2
                items: {type: object, properties: {name: {type: string, maxLength: 3}}}
";

    fn judged(spec: &str) -> Option<Vec<(String, &'static str)>> {
        let customs = Customs::from_crds([&read(WIDGETS)]);
        let node = read(&format!("{{apiVersion: example.com/v1, kind: Widget, metadata: {{name: a}}, {spec}}}"));
        let faults = judge(&node, None, &customs, Version::NEWEST)?.faults;
        Some(faults.into_iter().map(|fault| (fault.path, fault.kind)).collect())
    }

    #[test]
    fn good_resources() {
        for spec in [
            "spec: {size: 2}",
            "spec: {size: 2, mode: slow, port: http, note: null}",
            "spec: {size: 3, port: 80, free: {a: {b: 1}}, labels: {a: b}, parts: [{name: abc}, {}]}",
        ] {
            assert_eq!(judged(spec), Some(vec![]), "{spec}");
        }
    }

    #[test]
    fn bad_resources() {
        for (spec, path, kind) in [
            ("status: {}", "status", "UnknownField"),
            ("spec: {size: 2, colour: red}", "spec.colour", "UnknownField"),
            ("spec: {size: 2, parts: [{}, {nam: a}]}", "spec.parts[1].nam", "UnknownField"),
            ("spec: {}", "spec.size", "FieldValueRequired"),
            ("spec: {size: a}", "spec.size", "FieldValueTypeInvalid"),
            ("spec: {size: 1}", "spec.size", "FieldValueInvalid"),
            ("spec: {size: 3000000000}", "spec.size", "FieldValueInvalid"),
            ("spec: {size: 2, mode: medium}", "spec.mode", "FieldValueNotSupported"),
            ("spec: {size: 2, note: A}", "spec.note", "FieldValueInvalid"),
            ("spec: {size: 2, labels: {a: 1}}", "spec.labels.a", "FieldValueTypeInvalid"),
            ("spec: {size: 2, parts: [{name: abcd}]}", "spec.parts[0].name", "FieldValueTooLong"),
            ("spec: {size: 2, parts: [{}, {}, {}]}", "spec.parts", "FieldValueTooMany"),
        ] {
            assert_eq!(judged(spec), Some(vec![(path.to_owned(), kind)]), "{spec}");
        }
    }

    #[test]
    fn strangers_are_not_judged() {
        let customs = Customs::from_crds([&read(WIDGETS), &read("{apiVersion: v1, kind: Pod}"), &read("a")]);
        let judged = |text: &str| judge(&read(text), None, &customs, Version::NEWEST);
        assert!(judged("{apiVersion: example.org/v1, kind: Widget}").is_none());
        assert!(judged("{apiVersion: v1, kind: Widget}").is_none());
        assert_eq!(customs.namespaced("example.com/v1", "Widget"), Some(true));
        let faults = judged("{apiVersion: example.com/v2, kind: Widget}").unwrap().faults;
        assert_eq!(faults[0].kind, "NoMatch");
    }
}
