//! The API server: what it says to a new object, and to a change. One file per kind, and one per part that kinds share.

pub(crate) mod access_review;
pub(crate) mod admission_policy;
pub(crate) mod affinity;
mod allocation;
pub(crate) mod api_service;
pub(crate) mod cause;
pub(crate) mod config_map;
pub(crate) mod container;
pub(crate) mod controller_revision;
pub(crate) mod cron_job;
pub(crate) mod csi;
pub(crate) mod custom_resource_definition;
pub(crate) mod custom_schema;
pub(crate) mod daemon_set;
pub mod decode;
pub(crate) mod deployment;
pub(crate) mod endpoints;
pub(crate) mod env;
pub(crate) mod expression;
pub(crate) mod file_path;
pub(crate) mod flow_control;
pub(crate) mod handler;
pub(crate) mod horizontal_pod_autoscaler;
pub(crate) mod ingress;
pub(crate) mod ingress_class;
pub(crate) mod job;
pub(crate) mod lease;
pub(crate) mod limit_range;
pub(crate) mod meta;
pub(crate) mod mount;
pub(crate) mod names;
pub(crate) mod namespace;
pub(crate) mod network_policy;
pub(crate) mod node_selector;
pub(crate) mod percent;
pub(crate) mod persistent_volume;
pub(crate) mod persistent_volume_claim;
pub(crate) mod pod;
pub(crate) mod pod_disruption_budget;
pub(crate) mod pod_kind;
pub(crate) mod pod_rules;
pub(crate) mod pod_template;
pub(crate) mod pod_warning;
pub(crate) mod port;
pub(crate) mod priority_class;
pub(crate) mod replica_set;
pub(crate) mod resource_quota;
pub(crate) mod resources;
pub(crate) mod role;
pub(crate) mod role_binding;
pub(crate) mod runtime_class;
pub(crate) mod same;
pub(crate) mod secret;
pub(crate) mod security;
pub(crate) mod selector;
pub(crate) mod service;
pub(crate) mod service_account;
pub(crate) mod service_range;
pub(crate) mod spread;
pub(crate) mod stateful_set;
pub(crate) mod storage_class;
pub(crate) mod volume;
pub(crate) mod volume_attributes_class;
pub(crate) mod volume_source;
pub(crate) mod webhook;
pub(crate) mod workload;

use crate::api::defaults::dropped::{self, Dropped};
use crate::diagnostic::Refusal;
use crate::k8s::shape::{self, BuiltIn, Shape};
use crate::k8s::version::Version;
use crate::source::At;
use crate::value::{Data, Node};
use cause::{Causes, Warning};
use decode::{Door, Unfit};
use meta::Naming;

/// The kinds whose own rules are known, by name.
pub static KINDS: &[&Kind] = &[
    &access_review::ASKER,
    &access_review::LOCAL,
    &access_review::OWN,
    &access_review::RULES,
    &access_review::SUBJECT,
    &access_review::TOKEN,
    &admission_policy::VALIDATING,
    &admission_policy::VALIDATING_BETA,
    &admission_policy::VALIDATING_BINDING,
    &admission_policy::VALIDATING_BINDING_BETA,
    &admission_policy::MUTATING,
    &admission_policy::MUTATING_BETA,
    &admission_policy::MUTATING_BINDING,
    &admission_policy::MUTATING_BINDING_BETA,
    &api_service::KIND,
    &config_map::KIND,
    &controller_revision::KIND,
    &cron_job::KIND,
    &csi::DRIVER,
    &csi::NODE,
    &csi::CAPACITY,
    &csi::ATTACHMENT,
    &custom_resource_definition::KIND,
    &daemon_set::KIND,
    &deployment::KIND,
    &endpoints::KIND,
    &endpoints::SLICE,
    &flow_control::SCHEMA,
    &flow_control::SCHEMA_BETA,
    &flow_control::LEVEL,
    &flow_control::LEVEL_BETA,
    &horizontal_pod_autoscaler::KIND,
    &horizontal_pod_autoscaler::FIRST,
    &ingress::KIND,
    &ingress_class::KIND,
    &job::KIND,
    &lease::KIND,
    &limit_range::KIND,
    &namespace::KIND,
    &network_policy::KIND,
    &persistent_volume::KIND,
    &persistent_volume_claim::KIND,
    &pod_disruption_budget::KIND,
    &pod_kind::KIND,
    &pod_template::KIND,
    &priority_class::KIND,
    &replica_set::KIND,
    &replica_set::CONTROLLER,
    &resource_quota::KIND,
    &role::KIND,
    &role::CLUSTER,
    &role_binding::KIND,
    &role_binding::CLUSTER,
    &runtime_class::KIND,
    &secret::KIND,
    &service::KIND,
    &service_account::KIND,
    &service_range::RANGE,
    &service_range::ADDRESS,
    &stateful_set::KIND,
    &storage_class::KIND,
    &volume_attributes_class::KIND,
    &volume_attributes_class::BETA,
    &webhook::VALIDATING,
    &webhook::MUTATING,
];

/// How far an object came before it was refused. The words are those of the recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No such apiVersion and kind here.
    NoMatch,
    /// A value of the wrong type.
    Decode,
    /// A field that does not exist, or is there twice.
    StrictDecode,
    /// The object's own rules: a 422.
    Validate,
    /// Any other refusal: 400, 403, 409.
    Request,
    /// A plugin's, for what else is in the cluster.
    Admission,
}

/// What the server says.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Where it stopped; `None` when it was accepted.
    pub stage: Option<Stage>,
    /// One per cause.
    pub refusals: Vec<Refusal>,
    /// Warning headers.
    pub warnings: Vec<Warning>,
    /// The object as it would be stored, defaults filled in; `None` when it was refused.
    pub object: Option<Node>,
    /// The place of the first refusal where its field does not lead there: the server's decoders leave out list
    /// indexes.
    pub at: Option<At>,
    /// What the value of the wrong type is and must be, where it was refused for one.
    pub unfit: Option<Unfit>,
    /// What the manifest states and the server leaves out, because the feature it belongs to is off.
    pub dropped: Vec<Dropped>,
}

/// One kind that the model judges: a table line, and what is particular to it.
#[derive(Clone, Copy)]
pub struct Kind {
    /// `apps`; empty for the core group.
    pub group: &'static str,
    /// The version served by all known Kubernetes versions: `v1`.
    pub version: &'static str,
    /// `StatefulSet`.
    pub kind: &'static str,
    /// Whether it lives in a namespace.
    pub namespaced: bool,
    /// The rule for its names.
    pub naming: Naming,
    /// Whether the server counts its generations: what a manifest says of them is thrown away.
    pub counts_generations: bool,
    /// Fills in what the server fills in.
    pub default: fn(&mut Node, Version),
    /// What the server changes on the way to storage, and may refuse while doing so: allocated addresses and ports, and
    /// what it carries over from the stored object. Most kinds have nothing of the kind: [`unchanged`].
    pub prepare: fn(&mut Node, Option<&Node>, Version, &mut Causes),
    /// The rules for a new object, defaults already in. `metadata` is checked for all kinds alike, before.
    pub create: fn(&Node, Version, &mut Causes),
    /// The rules for a change: the new object and the stored one, both with defaults.
    pub update: fn(&Node, &Node, Version, &mut Causes),
}

impl Kind {
    /// `apps/v1`; the core group has no name.
    #[must_use]
    pub fn is_served_as(&self, api_version: &str) -> bool {
        match api_version.rsplit_once('/') {
            Some((group, version)) => !group.is_empty() && group == self.group && version == self.version,
            None => self.group.is_empty() && api_version == self.version,
        }
    }
}

impl Kind {
    /// These groups validate metadata by apimachinery's rules, all others by the core's, which want more of finalizers.
    fn scope(&self) -> meta::Scope {
        let qualified = !["admissionregistration.k8s.io", "apiextensions.k8s.io"].contains(&self.group);
        meta::Scope { namespaced: self.namespaced, qualified }
    }

    /// A kind of which only the shape is known: its metadata is judged like that of all kinds, its own rules are not.
    fn without_rules(known: BuiltIn) -> Self {
        let (group, version) = known.api_version.rsplit_once('/').unwrap_or(("", known.api_version));
        // These groups let their objects be named freely.
        let freely_named =
            ["authentication.k8s.io", "authorization.k8s.io", "rbac.authorization.k8s.io", "apiregistration.k8s.io"];
        let naming =
            if freely_named.contains(&group) || known.kind == "Event" { Naming::Segment } else { Naming::Subdomain };
        Self {
            group,
            version,
            kind: known.kind,
            namespaced: known.namespaced,
            naming,
            counts_generations: false,
            default: |_, _| {},
            prepare: unchanged,
            create: |_, _, _| {},
            update: |_, _, _, _| {},
        }
    }
}

/// For kinds that the server stores as they come.
pub fn unchanged(_: &mut Node, _: Option<&Node>, _: Version, _: &mut Causes) {}

impl Kind {
    /// All rules for a new object.
    /// `BeforeCreate`, k8s.io/apiserver/pkg/registry/rest.
    fn judge_new(&self, object: &Node, version: Version, causes: &mut Causes) {
        // Kinds without a rule for names of their own leave the metadata to the server, which looks at it only when all
        // else is well.
        let last = self.naming == Naming::Segment;
        if !last && self.naming != Naming::Unnamed {
            meta::create(object, self.scope(), self.naming.at(version), version, causes);
        }
        (self.create)(object, version, causes);
        if last && causes.refusals.is_empty() {
            meta::create(object, self.scope(), self.naming, version, causes);
        }
    }

    /// What the server does to the metadata of every object before it looks at any rule: a manifest cannot say what is
    /// the server's to say.
    /// `FillObjectMetaSystemFields` and `BeforeUpdate`, k8s.io/apiserver/pkg/registry/rest.
    fn take_over_metadata(&self, object: &mut Node, stored: Option<&Node>, door: Door, causes: &mut Causes) {
        let Some(metadata) = object.get_mut("metadata") else { return };
        let at = metadata.at;
        let Some(map) = metadata.as_map_mut() else { return };
        if !self.namespaced {
            map.remove("namespace");
        } else if map.get("namespace").and_then(Node::as_str).unwrap_or_default().is_empty() {
            map.put("namespace", Node::text("default", at));
        }
        if stored.is_none() {
            map.remove("uid");
        }
        if let Some(Data::List(owners)) = map.get_mut("ownerReferences").map(|owners| &mut owners.data) {
            drop_repetitions(owners, door, causes);
        }
        for field in ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            let kept = stored.and_then(|stored| stored.find(&["metadata", field]));
            match kept {
                Some(_) if field == "deletionGracePeriodSeconds" && map.has(field) => {}
                Some(kept) => drop(map.put(field, kept.clone())),
                None if stored.is_some() && field.starts_with("deletion") => {}
                None => drop(map.remove(field)),
            }
        }
        match stored {
            None if self.counts_generations && map.has("generation") => drop(map.put("generation", Node::int(1, at))),
            None => {}
            Some(stored) => match stored.find(&["metadata", "generation"]) {
                Some(kept) => drop(map.put("generation", kept.clone())),
                None => drop(map.remove("generation")),
            },
        }
    }
}

/// What the server does to the metadata of a custom resource before it looks at any rule.
/// `FillObjectMetaSystemFields` and `BeforeUpdate`, k8s.io/apiserver/pkg/registry/rest.
pub fn take_over_custom_metadata(
    object: &mut Node,
    stored: Option<&Node>,
    namespaced: bool,
    door: Door,
    causes: &mut Causes,
) {
    let line = Kind { namespaced, counts_generations: true, ..custom_resource_definition::KIND };
    line.take_over_metadata(object, stored, door, causes);
}

/// So many owners are compared with each other; no object has as many.
const MOST_OWNERS: usize = 1000;

/// Owners that are named twice in the same words count once.
/// `dedupOwnerReferencesAndAddWarning`, k8s.io/apiserver/pkg/endpoints/handlers.
fn drop_repetitions(owners: &mut Vec<Node>, door: Door, causes: &mut Causes) {
    let mut repeated = Vec::new();
    let mut index = 0;
    if owners.len() > MOST_OWNERS {
        return;
    }
    while let Some(owner) = owners.get(index) {
        if owners[..index].contains(owner) {
            repeated.push(cause::text(owner, "uid").to_owned());
            owners.remove(index);
        } else {
            index += 1;
        }
    }
    if !repeated.is_empty() {
        let when = if door == Door::Patch { " after mutating admission happens" } else { "" };
        causes.warn(format!(
            ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in \
                1.20+, and may reject such requests \
             as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            repeated.join(", ")
        ));
    }
}

/// The table line of a kind.
#[must_use]
pub fn kind_of(api_version: &str, kind: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|known| known.kind == kind && known.is_served_as(api_version))
}

/// What the server says to a new object.
#[must_use]
pub fn create(node: &Node, version: Version) -> Answer {
    let (kind, mut object) = match admit(node, Door::Body, version) {
        Ok(admitted) => admitted,
        Err(answer) => return *answer,
    };
    let mut causes = Causes::default();
    take_over_status(&mut object, None);
    (kind.default)(&mut object, version);
    kind.take_over_metadata(&mut object, None, Door::Body, &mut causes);
    let dropped = dropped::drop_disabled(kind.kind, &mut object, None, version);
    (kind.prepare)(&mut object, None, version, &mut causes);
    if causes.refusals.is_empty() {
        kind.judge_new(&object, version, &mut causes);
    }
    Answer { dropped, ..Answer::of(causes, object) }
}

/// What the server says to an object that is to take the place of `stored`: a replace, or what a patch made of it.
#[must_use]
pub fn update(node: &Node, stored: &Node, door: Door, version: Version) -> Answer {
    let (kind, mut object) = match admit(node, door, version) {
        Ok(admitted) => admitted,
        Err(answer) => return *answer,
    };
    if let Err(answer) = check_resource_version(&mut object, stored) {
        return *answer;
    }
    let mut causes = Causes::default();
    (kind.default)(&mut object, version);
    take_over_status(&mut object, Some(stored));
    kind.take_over_metadata(&mut object, Some(stored), door, &mut causes);
    let dropped = dropped::drop_disabled(kind.kind, &mut object, Some(stored), version);
    (kind.prepare)(&mut object, Some(stored), version, &mut causes);
    if causes.refusals.is_empty() {
        meta::update(&object, stored, kind.scope(), kind.naming.at(version), version, &mut causes);
        (kind.update)(&object, stored, version, &mut causes);
    }
    Answer { dropped, ..Answer::of(causes, object) }
}

/// A manifest cannot say what an object's status is.
pub fn take_over_status(object: &mut Node, stored: Option<&Node>) {
    let Some(map) = object.as_map_mut() else { return };
    match stored.and_then(|stored| stored.get("status")) {
        Some(status) => drop(map.put("status", status.clone())),
        None => drop(map.remove("status")),
    }
}

/// A change that names a resourceVersion means that one and no other.
///
/// # Errors
/// When it means another, or none that there can be.
pub fn check_resource_version(object: &mut Node, stored: &Node) -> Result<(), Box<Answer>> {
    const FIELD: &str = "metadata.resourceVersion";
    let current = stored.find(&["metadata", "resourceVersion"]).cloned();
    let meant = object.find(&["metadata", "resourceVersion"]).and_then(Node::as_str).unwrap_or_default();
    let refuse = |stage, kind, detail: String| {
        let refusal = Refusal { field: FIELD.into(), kind, detail };
        Err(Box::new(Answer::refused(stage, vec![refusal])))
    };
    let number = match meant {
        "" => 0,
        text => match text.parse::<u64>() {
            Ok(number) => number,
            Err(_) => {
                return refuse(
                    Stage::Request,
                    "InternalError",
                    format!("strconv.ParseUint: parsing \"{text}\": invalid syntax"),
                );
            }
        },
    };
    if number == 0 && cause::text(object, "kind") == "PodDisruptionBudget" && current.is_some() {
        return refuse(Stage::Validate, "FieldValueInvalid", "must be specified for an update".into());
    }
    if number != 0 && current.as_ref().and_then(Node::as_str) != Some(meant) {
        let detail = "the object has been modified; please apply your changes to the latest version and try again";
        return refuse(Stage::Request, "Conflict", detail.into());
    }
    if let (Some(current), Some(metadata)) = (current, object.get_mut("metadata").and_then(Node::as_map_mut)) {
        metadata.put("resourceVersion", current);
    }
    Ok(())
}

/// Adds the keys that a manifest holds twice, which only the reader of its text has seen. They are refused together
/// with unknown fields: after wrong types, before all rules.
#[must_use]
pub fn with_duplicates(mut answer: Answer, duplicates: Vec<Refusal>) -> Answer {
    match answer.stage {
        _ if duplicates.is_empty() => answer,
        Some(Stage::NoMatch | Stage::Decode) => answer,
        Some(Stage::StrictDecode) => {
            answer.refusals.splice(0..0, duplicates);
            answer
        }
        _ => Answer::refused(Stage::StrictDecode, duplicates),
    }
}

/// Everything before defaults and rules: whether the kind is known, whether the address is one, whether each value has
/// the right type, whether each field exists.
fn admit(node: &Node, door: Door, version: Version) -> Result<(Kind, Node), Box<Answer>> {
    let (api_version, kind) = (cause::text(node, "apiVersion"), cause::text(node, "kind"));
    let (known, shape) = address(node, version)?;
    let line = kind_of(api_version, kind).copied().unwrap_or_else(|| Kind::without_rules(known));
    match decode::decode(node, shape, door) {
        Ok(object) => Ok((line, object)),
        Err(misfit) => Err(Box::new(Answer {
            at: Some(misfit.at),
            unfit: misfit.unfit,
            ..Answer::refused(misfit.stage, misfit.refusals)
        })),
    }
}

/// Where an object of that kind, in that namespace, would be asked for; clients find out before they send anything.
///
/// # Errors
/// What a client says when there is no such place.
pub fn address(node: &Node, version: Version) -> Result<(BuiltIn, Shape), Box<Answer>> {
    let (api_version, kind) = (cause::text(node, "apiVersion"), cause::text(node, "kind"));
    let Some((known, shape)) = shape::find(api_version, kind).zip(shape::shape_of(api_version, kind, version)) else {
        let detail = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
        return Err(Box::new(Answer::stopped(Stage::NoMatch, detail)));
    };
    let namespace = node.find(&["metadata", "namespace"]).and_then(Node::as_str).unwrap_or_default();
    match path_segment_fault(namespace).filter(|_| known.namespaced) {
        Some(fault) => {
            Err(Box::new(Answer::stopped(Stage::Request, format!("invalid namespace \"{namespace}\": [{fault}]"))))
        }
        None => Ok((known, shape)),
    }
}

/// Why a text cannot be one step of an address, if it cannot.
fn path_segment_fault(text: &str) -> Option<&'static str> {
    match text {
        "." => Some("may not be '.'"),
        ".." => Some("may not be '..'"),
        _ if text.contains('/') => Some("may not contain '/'"),
        _ if text.contains('%') => Some("may not contain '%'"),
        _ => None,
    }
}

impl Answer {
    /// Refused at a stage.
    #[must_use]
    pub fn refused(stage: Stage, refusals: Vec<Refusal>) -> Self {
        Self { stage: Some(stage), refusals, ..Self::default() }
    }

    /// Refused at a stage, before anything of the object itself was looked at.
    #[must_use]
    pub fn stopped(stage: Stage, detail: String) -> Self {
        let kind = if stage == Stage::NoMatch { "NoMatch" } else { "BadRequest" };
        Self::refused(stage, vec![Refusal { field: String::new(), kind, detail }])
    }

    /// What the rules of an object came to.
    #[must_use]
    pub fn of(causes: Causes, object: Node) -> Self {
        if let Some(why) = causes.bad_request {
            return Self::stopped(Stage::Request, why.to_owned());
        }
        if causes.refusals.is_empty() {
            return Self { warnings: causes.warnings, object: Some(object), ..Self::default() };
        }
        Self { stage: Some(Stage::Validate), refusals: causes.refusals, warnings: causes.warnings, ..Self::default() }
    }

    /// Whether the server takes it.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        self.stage.is_none()
    }
}

impl Stage {
    /// The word of the recordings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoMatch => "no-match",
            Self::Decode => "decode",
            Self::StrictDecode => "strict-decode",
            Self::Validate => "validate",
            Self::Request => "request",
            Self::Admission => "admission",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;
    use crate::yaml::{parts, read_part};

    fn fields(text: &str) -> (Option<Stage>, Vec<String>) {
        let mut sources = Sources::default();
        let id = sources.add("t", text);
        let node = read_part(id, text, parts(text)[0], &mut Diagnostics::default()).flatten().unwrap();
        let answer = create(&node, Version::NEWEST);
        (answer.stage, answer.refusals.into_iter().map(|refusal| refusal.field).collect())
    }

    #[test]
    fn kinds_without_rules_have_metadata_and_fields() {
        let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: 'system:reader'}\n";
        assert_eq!(fields(role), (None, vec![]));
        assert_eq!(
            fields(&format!("{role}rules: [{{verb: [get]}}]")),
            (Some(Stage::StrictDecode), vec!["rules[0].verb".to_owned()])
        );
        let class = "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, value: 5, metadata: {name: a_b, labels: \
            {a: '-'}}}";
        assert_eq!(
            fields(class),
            (Some(Stage::Validate), vec!["metadata.name".to_owned(), "metadata.labels".to_owned()])
        );
        assert_eq!(fields("{apiVersion: example.com/v1, kind: Widget}").0, Some(Stage::NoMatch));
    }
}
