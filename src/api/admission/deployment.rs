//! Deployments.
//!
//! Follows `pkg/apis/apps/validation/validation.go: ValidateDeployment, ValidateDeploymentUpdate`.

use super::cause::{Causes, Path, number, some, text};
use super::meta::Naming;
use super::pod_rules::Rules;
use super::selector::{self, Chosen};
use super::{Kind, percent, pod_warning, unchanged, workload};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "apps",
    version: "v1",
    kind: "Deployment",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::workload::deployment,
    prepare: unchanged,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");

/// `ValidateDeployment`, pkg/apis/apps/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let inner = object.get("spec").unwrap_or(&nothing);
    spec(inner, &Rules::new(version, false, None), causes);
    if causes.refusals.is_empty() {
        recommend_label(object, "Pod names and hostnames", causes);
        warn(inner, version, causes);
    }
}

/// `ValidateDeploymentUpdate`, pkg/apis/apps/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let (new, old) = (object.get("spec").unwrap_or(&nothing), stored.get("spec").unwrap_or(&nothing));
    spec(new, &Rules::new(version, false, old.get("template")), causes);
    workload::same_selector(new, old, causes);
    let annotations = |object| Node::find(object, &["metadata", "annotations"]);
    let touched = !workload::FIELD_RULES.same(Some(new), Some(old))
        || !workload::FIELD_RULES.same_fields("annotations", annotations(object), annotations(stored));
    if causes.refusals.is_empty() && touched {
        warn(new, version, causes);
    }
}

/// A name that is no label makes pods whose host names are none.
/// `WarningsOnCreate`, pkg/registry/apps/deployment.
pub(crate) fn recommend_label(object: &Node, used_in: &str, causes: &mut Causes) {
    let metadata = |field| object.get("metadata").map(|metadata| text(metadata, field)).unwrap_or_default();
    // By then the server has made a name of `generateName`.
    let name = match metadata("name") {
        "" => super::meta::generated(metadata("generateName")),
        name => name.to_owned(),
    };
    let faults = name::dns_label(&name);
    if !faults.is_empty() {
        let faults = faults.join(" ");
        causes.warn_at(
            "metadata.name",
            format!(
                "this is used in {used_in}, which can result in surprising behavior; a DNS label is \
                recommended: [{faults}]"
            ),
        );
    }
}

/// `WarningsOnCreate`, pkg/registry/apps/deployment.
fn warn(spec: &Node, version: Version, causes: &mut Causes) {
    if let Some(template) = spec.get("template") {
        pod_warning::warn(template, false, version, &SPEC.child("template"), causes);
    }
}

/// `ValidateDeploymentSpec`, pkg/apis/apps/validation.
fn spec(spec: &Node, rules: &Rules, causes: &mut Causes) {
    for field in ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        causes.not_negative(number(spec, field), &SPEC.child(field));
    }
    let chosen = selector::workload_selector(spec, &SPEC, "deployment", "invalid label selector", causes);
    if !matches!(chosen, Chosen::Faulty) {
        workload::template(spec, chosen, "ReplicaSet", rules, &SPEC, causes);
    }
    strategy(spec, &SPEC.child("strategy"), causes);
    let deadline = spec.get("progressDeadlineSeconds").and_then(Node::as_int);
    if deadline.is_some_and(|seconds| seconds <= number(spec, "minReadySeconds")) {
        causes.invalid(&SPEC.child("progressDeadlineSeconds"), "must be greater than minReadySeconds");
    }
}

/// `ValidateDeploymentStrategy` and `ValidateRollingUpdateDeployment`, pkg/apis/apps/validation.
fn strategy(spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let nothing = Node::null(spec.at);
    let strategy = spec.get("strategy").unwrap_or(&nothing);
    let rolling_path = path.child("rollingUpdate");
    match (text(strategy, "type"), some(strategy, "rollingUpdate")) {
        ("Recreate", Some(_)) => {
            causes.forbidden(&rolling_path, "may not be specified when strategy `type` is 'Recreate'");
        }
        ("Recreate", None) => {}
        ("RollingUpdate", None) => causes.required(&rolling_path, "this should be defaulted and never be nil"),
        ("RollingUpdate", Some(rolling)) => {
            let zero = Node::int(0, spec.at);
            let [missing, extra] = ["maxUnavailable", "maxSurge"].map(|field| rolling.get(field).unwrap_or(&zero));
            let path = rolling_path.child("maxUnavailable");
            percent::number_or_percent(missing, &path, causes);
            percent::number_or_percent(extra, &rolling_path.child("maxSurge"), causes);
            if percent::value(missing) == 0 && percent::value(extra) == 0 {
                causes.invalid(&path, "may not be 0 when `maxSurge` is 0");
            }
            percent::not_above_hundred(missing, &path, causes);
        }
        _ => causes.not_supported(path, &["Recreate", "RollingUpdate"]),
    }
}
