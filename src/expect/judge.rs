//! The API server's answer to a manifest, as findings at the manifest's places.

use crate::api::admission::cause::Warning;
use crate::api::admission::decode::{Sort, Unfit};
use crate::api::admission::{self, Stage};
use crate::api::custom::{self, Customs, Fault, Judgement, Unjudged};
use crate::api::server_side;
use crate::bundle::{Bundle, Resource};
use crate::diagnostic::{Becomes, Code, Diagnostics, Level, Refusal, Report, nearest};
use crate::k8s::custom::is_custom as is_custom_kind;
use crate::k8s::retired::{self, Absence};
use crate::k8s::shape;
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::parallel;
use crate::source::At;
use crate::value::{Data, Node};
use std::collections::{BTreeMap, BTreeSet};

/// The API server would refuse it.
static REFUSED: Code =
    Code { id: "SW0201", name: "refused", level: Level::Error, page: include_str!("pages/refused.md") };
/// The cluster does not have that kind.
static NO_KIND: Code =
    Code { id: "SW0202", name: "unknown-kind", level: Level::Error, page: include_str!("pages/unknown-kind.md") };
/// The API server would accept it with a warning.
static WARNED: Code =
    Code { id: "SW0203", name: "api-warning", level: Level::Warning, page: include_str!("pages/api-warning.md") };

/// The cluster accepts it and then cannot make its pods.
static PODS: Code =
    Code { id: "SW0204", name: "pods-refused", level: Level::Error, page: include_str!("pages/pods-refused.md") };
/// A kind that nobody described.
pub static UNJUDGED: Code = Code {
    id: "SW0205",
    name: "custom-kind-unjudged",
    level: Level::Note,
    page: include_str!("pages/custom-kind-unjudged.md"),
};

/// The API server would leave a field out, because its feature is off.
static DROPPED: Code =
    Code { id: "SW0206", name: "field-dropped", level: Level::Warning, page: include_str!("pages/field-dropped.md") };
/// A kind that servers serve on request only.
static NOT_SERVED: Code = Code {
    id: "SW0207",
    name: "kind-off-by-default",
    level: Level::Warning,
    page: include_str!("pages/kind-off-by-default.md"),
};

/// A part of a definition that nobody here can judge by.
static PARTLY: Code = Code {
    id: "SW0240",
    name: "custom-partly-judged",
    level: Level::Note,
    page: include_str!("pages/custom-partly-judged.md"),
};

/// A custom resource that does not fit the JSON Schema of its kind.
static UNFIT: Code =
    Code { id: "SW0241", name: "schema-unfit", level: Level::Error, page: include_str!("pages/schema-unfit.md") };

/// The codes of this module.
pub static CODES: &[&Code] = &[&REFUSED, &NO_KIND, &WARNED, &PODS, &UNJUDGED, &DROPPED, &NOT_SERVED, &PARTLY, &UNFIT];

/// The first version that judges the pods of a StatefulSet together with it.
const JUDGES_TEMPLATES: Version = Version::minor(34);

/// Says what the API server would answer to a new object; nothing of a custom kind, which [`custom_objects`] judges.
/// Keys that the object holds twice are in `found` already, from its reader.
pub fn new_object(resource: &Resource, way: Way, version: Version, found: &mut Diagnostics) {
    let answer = match way {
        Way::Server | Way::ServerForced if shape::find(&resource.api_version, &resource.id.kind).is_some() => {
            server_side::create(&resource.node, &Customs::none(), version)
        }
        _ => admission::create(&crate::api::plugin::admitted(&resource.node), version),
    };
    if answer.stage == Some(Stage::NoMatch) {
        if !is_custom(resource) {
            no_kind(resource, version, found);
        }
        return;
    }
    let reaches_keys = !matches!(answer.stage, Some(Stage::Decode));
    let stops_at_keys = take_duplicates(resource, reaches_keys, found) && answer.stage != Some(Stage::StrictDecode);
    if reaches_keys && stops_at_keys {
        return;
    }
    let (first, unfit) = (answer.at, answer.unfit);
    let mut refusals = answer.refusals;
    drop_echoes(&mut refusals, |refusal| (&refusal.field, refusal.kind));
    for (index, mut refusal) in refusals.into_iter().enumerate() {
        let at = first.filter(|_| index == 0).unwrap_or_else(|| resource.node.place_of(&refusal.field));
        let said = match unfit {
            Some(Unfit { is, must }) if is == Sort::Number && must == Sort::Whole => {
                format!("{} is not a whole number that fits here", number_at(resource, at))
            }
            Some(Unfit { is, must }) => format!("it is {}, and must be {}", is.words(), must.words()),
            None => said(refusal.kind, &refusal.detail),
        };
        let (help, edit) = help(resource, &refusal, at, unfit, version);
        let what = if refusal.field.is_empty() {
            resource.id.to_string()
        } else {
            format!("{}: {}", resource.id, refusal.field)
        };
        if let Some(stage) = answer.stage.filter(|stage| *stage != Stage::Validate) {
            refusal.kind = stage.word();
        }
        let report = REFUSED.report(format!("the API server would refuse {what}: {said}"));
        let report = help.into_iter().fold(report, Report::help);
        let report = edit.into_iter().fold(report, |report, (at, becomes)| report.edit(at, becomes));
        report.about(resource.subject()).refusal(refusal).at(at, found);
    }
    for dropped in answer.dropped.iter().filter(|dropped| !dropped.follows) {
        DROPPED
            .report(format!(
                "{}: `{}` has no effect on Kubernetes {version}: the API server drops it ({})",
                resource.id, dropped.field, dropped.gate
            ))
            .help("remove it, or have the gate switched on and allow this finding")
            .about(resource.subject())
            .at(resource.node.place_of(&dropped.field), found);
    }
    // What a rule says too, it says with what to do about it; no rule looks at templates of pods that nothing makes
    // yet.
    let is_said = |warning: &Warning| warning.topic.is_some() && resource.id.kind != "PodTemplate";
    answer.warnings.iter().filter(|warning| !is_said(warning)).for_each(|warning| warned(resource, warning, found));
    not_served(resource, version, found);
    if answer.stage.is_none() && version < JUDGES_TEMPLATES && resource.id.kind == "StatefulSet" {
        pods_of(resource, version, found);
    }
}

/// A warning of the server, at the field that it is about.
fn warned(resource: &Resource, warning: &Warning, found: &mut Diagnostics) {
    let at = if warning.field.is_empty() { resource.at() } else { resource.node.place_of(&warning.field) };
    let report = WARNED.report(format!("the API server would warn about {}: {}", resource.id, warning.text));
    report.about(resource.subject()).at(at, found);
}

/// Refusals that follow from another of the same object: the field and type of both. Whoever mends the first has mended
/// the second.
const ECHOES: [[(&str, &str); 2]; 2] = [
    [("spec.selector", "FieldValueRequired"), ("spec.template.metadata.labels", "FieldValueInvalid")],
    [("metadata.name", "FieldValueInvalid"), ("spec.template.labels", "FieldValueInvalid")],
];

/// Takes out what follows from another refusal of the same object, each known by its field and type.
pub fn drop_echoes<R>(refusals: &mut Vec<R>, name: impl Fn(&R) -> (&str, &str)) {
    for [cause, echo] in ECHOES {
        if refusals.iter().any(|refusal| name(refusal) == cause) {
            refusals.retain(|refusal| name(refusal) != echo);
        }
    }
}

/// Says that a kind is there only where somebody has switched it on. Where it will go away too, the rule that says so
/// says both.
fn not_served(resource: &Resource, version: Version, found: &mut Diagnostics) {
    let (kind, api_version) = (&resource.id.kind, &resource.api_version);
    let is_there = shape::find(api_version, kind).is_some_and(|known| known.is_in(version));
    if !is_there || retired::is_served(api_version) || retired::leaves(api_version, kind, version).is_some() {
        return;
    }
    let stable = retired::stable(kind, api_version, version);
    let help = match stable {
        Some(stable) => {
            format!("write `apiVersion: {stable}`; or have it switched on with `--runtime-config={api_version}=true`")
        }
        None => format!(
            "have it switched on with `--runtime-config={api_version}=true` and its feature gate, and allow this \
                finding"
        ),
    };
    NOT_SERVED
        .report(format!(
            "the API server of Kubernetes {version} does not serve {kind} of {api_version} unless it is switched on"
        ))
        .help(help)
        .about(resource.subject())
        .at(resource.node.place_of("apiVersion"), found);
}

/// The number that is written at a place.
fn number_at(resource: &Resource, at: At) -> String {
    fn find(node: &Node, at: At) -> Option<&Node> {
        if node.at == at && matches!(node.data, Data::Int(_) | Data::Float(_)) {
            return Some(node);
        }
        node.items().chain(node.entries().map(|(_, value)| value)).find_map(|inner| find(inner, at))
    }
    match find(&resource.node, at).map(|node| &node.data) {
        Some(Data::Int(number)) => number.to_string(),
        Some(Data::Float(number)) => number.to_string(),
        _ => "it".to_owned(),
    }
}

/// Older servers take a set and refuse its pods: the same rules, asked too late.
fn pods_of(set: &Resource, version: Version, found: &mut Diagnostics) {
    for refusal in admission::create(&set.node, JUDGES_TEMPLATES).refusals {
        RULES_OF_PODS.iter().any(|start| refusal.field.starts_with(start)).then(|| {
            PODS.report(format!(
                "Kubernetes {version} would accept {} and then fail to make its pods: {}: {}",
                set.id,
                refusal.field,
                said(refusal.kind, &refusal.detail)
            ))
            .help("from 1.34 on the API server refuses the set itself")
            .about(set.subject())
            .at(set.node.place_of(&refusal.field), found);
        });
    }
}

/// The fields of a set that become those of its pods and claims.
const RULES_OF_PODS: [&str; 3] = ["spec.template.spec", "spec.template.metadata", "spec.volumeClaimTemplates"];

/// Says of the keys that an object holds twice whose object it is, and that the server would refuse it for them, if it
/// came so far.
/// Gives whether there are any.
fn take_duplicates(resource: &Resource, refused: bool, found: &mut Diagnostics) -> bool {
    let own = resource.at();
    let mut any = false;
    found.retain(|diagnostic| {
        let at = diagnostic.labels[0].at;
        let is_own = at.source == own.source && (own.start..own.end).contains(&at.start);
        if let Some(refusal) = diagnostic.refusal.as_mut().filter(|refusal| is_own && refusal.kind == "DuplicateField")
        {
            any = true;
            refusal.kind = Stage::StrictDecode.word();
            diagnostic.subject = Some(resource.subject());
            if !refused {
                diagnostic.refusal = None;
            }
        }
        true
    });
    any
}

/// Says that a version does not have a kind, and since when or where it is.
fn no_kind(resource: &Resource, version: Version, found: &mut Diagnostics) {
    let (kind, api_version) = (&resource.id.kind, &resource.api_version);
    let write =
        |instead: &str| format!("write `apiVersion: {instead}`, and look whether its fields are the same there");
    let mut edit = None;
    let mut becomes = |field: &str, name: &str| {
        edit = resource.node.get(field).map(|node| (node.at, Becomes::Name(name.to_owned())));
    };
    let (message, help) = match retired::absence(api_version, kind, version) {
        Some(Absence::Gone { since, instead }) => (
            format!("Kubernetes {version} no longer has {kind} of {api_version}: it went with {since}"),
            instead.map_or_else(
                || "remove it: nothing took its place".to_owned(),
                |instead| {
                    becomes("apiVersion", instead);
                    write(instead)
                },
            ),
        ),
        Some(Absence::NotYet { since }) => (
            format!("Kubernetes {version} does not have {kind} of {api_version} yet"),
            format!("it comes with {since}"),
        ),
        Some(Absence::ElsewhereOnly { instead }) => {
            becomes("apiVersion", instead);
            (format!("Kubernetes {version} has no {kind} of {api_version}"), write(instead))
        }
        Some(Absence::Never) | None => {
            let known: Vec<&str> = shape::kinds(version).map(|known| known.kind).collect();
            let help = nearest(kind, known).map_or_else(
                || "look at the spelling of both".to_owned(),
                |near| {
                    becomes("kind", near);
                    format!("did you mean `{near}`?")
                },
            );
            (format!("Kubernetes {version} has no {kind} of {api_version}"), help)
        }
    };
    let detail = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
    let report = NO_KIND.report(message).help(help);
    edit.into_iter()
        .fold(report, |report, (at, becomes)| report.edit(at, becomes))
        .about(resource.subject())
        .refusal(Refusal { field: String::new(), kind: Stage::NoMatch.word(), detail })
        .at(resource.node.place_of("apiVersion"), found);
}

/// Whether only a CustomResourceDefinition can know the kind.
fn is_custom(resource: &Resource) -> bool {
    shape::find(&resource.api_version, &resource.id.kind).is_none()
        && is_custom_kind(&resource.api_version, &resource.id.kind)
}

/// Judges custom resources by the definitions that are there, and says once of each other kind that it was not
/// validated.
pub fn custom_objects(bundle: &Bundle, customs: &Customs, version: Version, found: &mut Diagnostics) {
    if !customs.is_empty() {
        let custom: Vec<&Resource> = bundle.resources.iter().filter(|resource| is_custom(resource)).collect();
        let judged = parallel::map(&custom, |resource| custom::judge(&resource.node, None, customs, version));
        let mut told = BTreeSet::new();
        for (resource, judgement) in custom.into_iter().zip(judged) {
            judgement.into_iter().for_each(|judgement| custom_judgement(resource, judgement, &mut told, found));
        }
    }
    unjudged(&bundle.resources, customs, found);
}

/// Says once of each custom kind without a definition that its objects were not validated.
pub fn unjudged<'b>(resources: impl IntoIterator<Item = &'b Resource>, customs: &Customs, found: &mut Diagnostics) {
    let mut kinds: BTreeMap<(&str, &str), &Resource> = BTreeMap::new();
    for resource in resources {
        // A Kustomization is read by kustomize and never sent to a server.
        let is_sent = !resource.api_version.starts_with("kustomize.config.k8s.io/");
        if is_sent && is_custom(resource) && !customs.has(&resource.api_version, &resource.id.kind) {
            kinds.entry((&resource.api_version, &resource.id.kind)).or_insert(resource);
        }
    }
    for ((api_version, kind), first) in kinds {
        UNJUDGED
            .report(format!("{kind} ({api_version}) is not validated: no CRD given"))
            .help(
                "give its CustomResourceDefinition: `--crd FILE`, or `crds:` in the workspace; or its JSON Schema: \
                    `--schema`, `schemas:`",
            )
            .about(first.subject())
            .at(first.node.place_of("kind"), found);
    }
}

fn custom_judgement<'r>(
    resource: &'r Resource,
    judgement: Judgement,
    told: &mut BTreeSet<(&'r str, &'r str, Unjudged)>,
    found: &mut Diagnostics,
) {
    let unchecked = judgement.faults.iter().any(|fault| fault.kind == custom::UNCHECKED);
    let mut faults: Vec<Fault> = judgement.faults.into_iter().filter(|fault| fault.kind != custom::UNCHECKED).collect();
    let last = faults.pop();
    for (fault, is_last) in faults.into_iter().map(|fault| (fault, false)).chain(last.map(|fault| (fault, true))) {
        let said = said(fault.kind, &fault.message);
        let kind = judgement.stage.filter(|stage| *stage != Stage::Validate).map_or(fault.kind, Stage::word);
        let what =
            if fault.path.is_empty() { resource.id.to_string() } else { format!("{}: {}", resource.id, fault.path) };
        let mut report = if judgement.by_schema {
            UNFIT.report(format!("{what} does not fit its JSON Schema: {said}"))
        } else {
            REFUSED.report(format!("the API server would refuse {what}: {said}"))
        };
        if unchecked && is_last {
            report = report.help("the rules of the definition are checked once its fields are fixed");
        }
        // What a default of the definition made is shown at the map that it was made in.
        let at = if fault.at.source == resource.at().source { fault.at } else { resource.node.place_of(&fault.path) };
        report
            .about(resource.subject())
            .refusal(Refusal { field: fault.path, kind, detail: fault.message })
            .at(at, found);
    }
    judgement.warnings.iter().for_each(|warning| warned(resource, warning, found));
    for unjudged in judgement.unjudged {
        partly(resource, &unjudged, told, found);
    }
}

/// Says what of a definition was not judged by: once for its kind, or for the object that was too large.
fn partly<'r>(
    resource: &'r Resource,
    unjudged: &Unjudged,
    said: &mut BTreeSet<(&'r str, &'r str, Unjudged)>,
    found: &mut Diagnostics,
) {
    const ON_A_CLUSTER: &str = "validate it on a cluster: `kubectl apply --dry-run=server`";
    let (kind, api_version) = (resource.id.kind.as_str(), resource.api_version.as_str());
    let report = match unjudged {
        Unjudged::Large => PARTLY
            .report(format!(
                "{} is not validated as a whole: it would take more than {} checks",
                resource.id,
                crate::budget::CUSTOM_STEPS
            ))
            .help(format!("make its lists shorter, or {ON_A_CLUSTER}")),
        _ if !said.insert((kind, api_version, unjudged.clone())) => return,
        Unjudged::Rule { rule, why } => PARTLY
            .report(format!("{kind} ({api_version}) is not validated by the rule `{}`: {why}", shortened(rule)))
            .help(ON_A_CLUSTER),
        Unjudged::Schema(why) => PARTLY
            .report(format!(
                "{kind} ({api_version}) is not validated: its JSON Schema cannot be read: {}",
                shortened(why)
            ))
            .help("fix the schema, or give the CustomResourceDefinition: `--crd FILE`, or `crds:` in the workspace"),
        Unjudged::Pattern(pattern) => PARTLY
            .report(format!(
                "{kind} ({api_version}) is not validated by the pattern `{}`: it cannot be read",
                shortened(pattern)
            ))
            .help(ON_A_CLUSTER),
    };
    report.about(resource.subject()).at(resource.at(), found);
}

/// The beginning of a text that may be long, on one line.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 120;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        line
    } else {
        format!("{}…", line.chars().take(LONGEST).collect::<String>())
    }
}

/// A cause's type and detail as one phrase.
#[must_use]
pub fn said(kind: &str, detail: &str) -> String {
    let kind = match kind {
        "FieldValueRequired" => "required value",
        "FieldValueInvalid" => "invalid value",
        "FieldValueDuplicate" => "duplicate value",
        "FieldValueForbidden" => "forbidden",
        "FieldValueNotSupported" => "unsupported value",
        "FieldValueNotFound" => "not found",
        "FieldValueTooLong" => "too long",
        "FieldValueTooMany" => "too many",
        "DuplicateField" => "duplicate field",
        "UnknownField" => return "there is no such field".to_owned(),
        "WrongType" | server_side::DUPLICATE | server_side::KEYLESS | server_side::UNFIT | server_side::CONFLICT => {
            return detail.to_owned();
        }
        other => other,
    };
    if detail.is_empty() { kind.to_owned() } else { format!("{kind}: {detail}") }
}

/// What to do about it, where that is plain, and the edit that does it.
fn help(
    resource: &Resource,
    refusal: &Refusal,
    at: At,
    unfit: Option<Unfit>,
    version: Version,
) -> (Option<String>, Option<(At, Becomes)>) {
    let nothing = (None, None);
    match refusal.kind {
        "UnknownField" => {
            let Some((near, at)) = nearest_field(resource, &refusal.field, version) else { return nothing };
            (Some(format!("did you mean `{near}`?")), at.map(|at| (at, Becomes::Name(near.to_owned()))))
        }
        server_side::DUPLICATE => (
            Some("server-side apply tells the items of this list apart by that key: keep one of the two".to_owned()),
            None,
        ),
        "WrongType" => match unfit {
            Some(Unfit { is: Sort::Number | Sort::Truth, must: Sort::Text }) => {
                (Some("write it in quotes".to_owned()), Some((at, Becomes::Quoted)))
            }
            Some(Unfit { is: Sort::Text, must: Sort::Whole | Sort::Number | Sort::Truth }) => {
                (Some("write it without quotes".to_owned()), Some((at, Becomes::Bare)))
            }
            _ => nothing,
        },
        _ => nothing,
    }
}

/// The field that an unknown one was most likely meant to be, and where the unknown one is written.
fn nearest_field(resource: &Resource, field: &str, version: Version) -> Option<(&'static str, Option<At>)> {
    let (parent, name) = field.rsplit_once('.').unwrap_or(("", field));
    let shape = shape::shape_of(&resource.api_version, &resource.id.kind, version)?;
    let shape = parent
        .split('.')
        .filter(|step| !step.is_empty())
        .try_fold(shape, |shape, step| shape.field(step.split('[').next().unwrap_or(step))?.shape())?;
    let near = nearest(name, shape.fields().map(|field| field.name))?;
    let holder = if parent.is_empty() { Some(&resource.node) } else { resource.node.exactly(parent) };
    let key = holder.and_then(|holder| holder.entries().find(|(key, _)| *key.name == *name));
    Some((near, key.map(|(key, _)| key.at)))
}
