//! Deployments.

use super::cause::{Causes, Path, number, some, text};
use super::meta::Naming;
use super::pod::{self, Holder};
use super::pod_rules::Rules;
use super::same::Manner;
use super::{Kind, percent, selector, unchanged};
use crate::cluster::defaults::workload;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line.
pub static KIND: Kind = Kind {
    group: "apps",
    version: "v1",
    kind: "Deployment",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: workload::deployment,
    prepare: unchanged,
    create,
    update,
};

/// How selectors are compared.
pub(super) const SELECTORS: Manner = Manner { optional: &["selector"], free: &["matchLabels"], amounts: &[] };

fn create(object: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    spec(object.get("spec").unwrap_or(&nothing), &Rules::new(version, false, None), &Path::new("spec"), causes);
}

fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let (new, old) = (object.get("spec").unwrap_or(&nothing), stored.get("spec").unwrap_or(&nothing));
    let path = Path::new("spec");
    spec(new, &Rules::new(version, false, old.get("template")), &path, causes);
    if !SELECTORS.same_fields("selector", new.get("selector"), old.get("selector")) {
        causes.invalid(&path.child("selector"), "field is immutable");
    }
}

fn spec(spec: &Node, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    causes.not_negative(number(spec, "replicas"), &path.child("replicas"));
    let nothing = Node::null(spec.at);
    let template = spec.get("template").unwrap_or(&nothing);
    let template_path = path.child("template");
    let chosen = selector::workload_selector(spec, path, "deployment", "invalid label selector", causes);
    if !matches!(chosen, selector::Chosen::Faulty) {
        if !chosen.picks(template.find(&["metadata", "labels"])) {
            causes.invalid(&template_path.child("metadata.labels"), "`selector` does not match template `labels`");
        }
        pod::template(template, Holder::default(), rules, &template_path, causes);
        always_restarts(template, "ReplicaSet", &template_path, causes);
    }
    strategy(spec.get("strategy").unwrap_or(&nothing), &path.child("strategy"), causes);
    for field in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        causes.not_negative(number(spec, field), &path.child(field));
    }
    if some(spec, "progressDeadlineSeconds").is_some() && number(spec, "progressDeadlineSeconds") <= number(spec, "minReadySeconds") {
        causes.invalid(&path.child("progressDeadlineSeconds"), "must be greater than minReadySeconds");
    }
}

/// The pods of what always keeps some running never end by themselves.
pub(super) fn always_restarts(template: &Node, kind: &str, path: &Path<'_>, causes: &mut Causes) {
    let nothing = Node::null(template.at);
    let spec = template.get("spec").unwrap_or(&nothing);
    let path = path.child("spec");
    if text(spec, "restartPolicy") != "Always" {
        causes.not_supported(&path.child("restartPolicy"), &["Always"]);
    }
    if some(spec, "activeDeadlineSeconds").is_some() {
        causes.forbidden(&path.child("activeDeadlineSeconds"), format!("activeDeadlineSeconds in {kind} is not Supported"));
    }
}

fn strategy(strategy: &Node, path: &Path<'_>, causes: &mut Causes) {
    let rolling = some(strategy, "rollingUpdate");
    let rolling_path = path.child("rollingUpdate");
    match (text(strategy, "type"), rolling) {
        ("Recreate", Some(_)) => causes.forbidden(&rolling_path, "may not be specified when strategy `type` is 'Recreate'"),
        ("Recreate", None) => {}
        ("RollingUpdate", None) => causes.required(&rolling_path, "this should be defaulted and never be nil"),
        ("RollingUpdate", Some(rolling)) => {
            let nothing = Node::int(0, rolling.at);
            let [unavailable, surge] = ["maxUnavailable", "maxSurge"].map(|field| some(rolling, field).unwrap_or(&nothing));
            let unavailable_path = rolling_path.child("maxUnavailable");
            percent::number_or_percent(unavailable, &unavailable_path, causes);
            percent::number_or_percent(surge, &rolling_path.child("maxSurge"), causes);
            if percent::value(unavailable) == 0 && percent::value(surge) == 0 {
                causes.invalid(&unavailable_path, "may not be 0 when `maxSurge` is 0");
            }
            percent::not_above_hundred(unavailable, &unavailable_path, causes);
        }
        _ => causes.not_supported(path, &["Recreate", "RollingUpdate"]),
    }
}
