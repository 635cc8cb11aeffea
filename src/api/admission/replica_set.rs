//! ReplicaSets and ReplicationControllers: what makes pods of one template, so and so many.
//!
//! Follows `pkg/apis/apps/validation/validation.go: ValidateReplicaSet, ValidateReplicaSetUpdate`.

use super::cause::{Causes, Path, number, some};
use super::meta::Naming;
use super::pod_rules::Rules;
use super::selector::{self, Chosen};
use super::{Kind, deployment, pod_warning, unchanged, workload};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::value::Node;

/// A ReplicaSet.
pub(crate) static KIND: Kind = Kind {
    group: "apps",
    version: "v1",
    kind: "ReplicaSet",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::workload::replica_set,
    prepare: unchanged,
    create: |object, version, causes| create(object, version, spec, causes),
    update: |object, stored, version, causes| update(object, stored, version, causes),
};

/// A ReplicationController.
pub(crate) static CONTROLLER: Kind = Kind {
    group: "",
    kind: "ReplicationController",
    default: defaults::workload::replication_controller,
    create: |object, version, causes| create(object, version, controller_spec, causes),
    update: |object, stored, version, causes| update_controller(object, stored, version, causes),
    ..KIND
};

const SPEC: Path<'static> = Path::new("spec");

/// `ValidateReplicaSet`, pkg/apis/apps/validation.
fn create(object: &Node, version: Version, rules: fn(&Node, &Rules, &mut Causes), causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let inner = object.get("spec").unwrap_or(&nothing);
    rules(inner, &Rules::new(version, false, None), causes);
    if causes.refusals.is_empty() {
        deployment::recommend_label(object, "Pod names and hostnames", causes);
        warn(inner, version, causes);
    }
}

/// `ValidateReplicaSetUpdate`, pkg/apis/apps/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let (new, old) = (object.get("spec").unwrap_or(&nothing), stored.get("spec").unwrap_or(&nothing));
    spec(new, &Rules::new(version, false, old.get("template")), causes);
    workload::same_selector(new, old, causes);
    warn_of_change(new, old, version, causes);
}

/// `ValidateReplicationControllerUpdate`, pkg/apis/core/validation.
fn update_controller(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let (new, old) = (object.get("spec").unwrap_or(&nothing), stored.get("spec").unwrap_or(&nothing));
    controller_spec(new, &Rules::new(version, false, old.get("template")), causes);
    warn_of_change(new, old, version, causes);
}

/// `WarningsOnUpdate`, pkg/registry/apps/replicaset.
fn warn_of_change(new: &Node, old: &Node, version: Version, causes: &mut Causes) {
    if causes.refusals.is_empty() && !workload::FIELD_RULES.same(Some(new), Some(old)) {
        warn(new, version, causes);
    }
}

/// `WarningsOnCreate`, pkg/registry/apps/replicaset.
fn warn(spec: &Node, version: Version, causes: &mut Causes) {
    if let Some(template) = spec.get("template") {
        pod_warning::warn(template, false, version, &SPEC.child("template"), causes);
    }
}

/// `ValidateReplicaSetSpec`, pkg/apis/apps/validation.
fn spec(spec: &Node, rules: &Rules, causes: &mut Causes) {
    for field in ["replicas", "minReadySeconds"] {
        causes.not_negative(number(spec, field), &SPEC.child(field));
    }
    let chosen = selector::workload_selector(spec, &SPEC, "deployment", "invalid label selector", causes);
    if !matches!(chosen, Chosen::Faulty) {
        workload::template(spec, chosen, "ReplicaSet", rules, &SPEC, causes);
    }
}

/// `ValidateReplicationControllerSpec`, pkg/apis/core/validation.
fn controller_spec(spec: &Node, rules: &Rules, causes: &mut Causes) {
    for field in ["replicas", "minReadySeconds"] {
        causes.not_negative(number(spec, field), &SPEC.child(field));
    }
    let selector = spec.get("selector").filter(|selector| selector.entries().next().is_some());
    if selector.is_none() {
        causes.required(&SPEC.child("selector"), "");
    }
    let Some(template) = some(spec, "template") else {
        return causes.required(&SPEC.child("template"), "");
    };
    let labels = template.find(&["metadata", "labels"]);
    let picked = |(key, value): (&crate::value::Key, &Node)| {
        labels.and_then(|labels| labels.get(&key.name)).is_some_and(|label| label.as_str() == value.as_str())
    };
    if selector.is_some_and(|selector| !selector.entries().all(picked)) {
        causes.invalid(&SPEC.child("template.metadata.labels"), "`selector` does not match template `labels`");
    }
    workload::template(spec, Chosen::Everything, "ReplicationController", rules, &SPEC, causes);
}
