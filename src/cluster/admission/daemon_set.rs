//! DaemonSets.

use super::cause::{Causes, Path, number, some, text};
use super::deployment::{SELECTORS, always_restarts};
use super::meta::Naming;
use super::pod::{self, Holder};
use super::pod_rules::Rules;
use super::{Kind, percent, selector, unchanged};
use crate::cluster::defaults::workload;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line.
pub static KIND: Kind = Kind {
    group: "apps",
    version: "v1",
    kind: "DaemonSet",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: workload::daemon_set,
    prepare: unchanged,
    create,
    update,
};

fn create(object: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    spec(object.get("spec").unwrap_or(&nothing), &Rules::new(version, false, None), &Path::new("spec"), causes);
}

fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let (new, old) = (object.get("spec").unwrap_or(&nothing), stored.get("spec").unwrap_or(&nothing));
    let path = Path::new("spec");
    if !SELECTORS.same_fields("selector", new.get("selector"), old.get("selector")) {
        causes.invalid(&path.child("selector"), "field is immutable");
    }
    spec(new, &Rules::new(version, false, old.get("template")), &path, causes);
}

fn spec(spec: &Node, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    let nothing = Node::null(spec.at);
    let template = spec.get("template").unwrap_or(&nothing);
    let template_path = path.child("template");
    let selector_path = path.child("selector");
    let before = causes.refusals.len();
    let chosen = some(spec, "selector");
    selector::selector(chosen, &selector_path, causes);
    let readable = causes.refusals.len() == before;
    if readable && !chosen.is_some_and(|chosen| selector::picks(chosen, template.find(&["metadata", "labels"]))) {
        causes.invalid(&template_path.child("metadata.labels"), "`selector` does not match template `labels`");
    }
    if chosen.is_some_and(selector::is_empty) {
        causes.invalid(&selector_path, "empty selector is invalid for daemonset");
    }
    pod::template(template, Holder::default(), rules, &template_path, causes);
    always_restarts(template, "DaemonSet", &template_path, causes);
    for field in ["minReadySeconds", "revisionHistoryLimit"] {
        causes.not_negative(number(spec, field), &path.child(field));
    }
    strategy(spec.get("updateStrategy").unwrap_or(&nothing), &path.child("updateStrategy"), causes);
}

fn strategy(strategy: &Node, path: &Path<'_>, causes: &mut Causes) {
    let path_of_update = path.child("rollingUpdate");
    match (text(strategy, "type"), some(strategy, "rollingUpdate")) {
        ("OnDelete", _) => {}
        ("RollingUpdate", None) => causes.required(&path_of_update, ""),
        ("RollingUpdate", Some(rolling)) => rolling_update(rolling, &path_of_update, causes),
        _ => causes.not_supported(path, &["RollingUpdate", "OnDelete"]),
    }
}

fn rolling_update(rolling: &Node, path: &Path<'_>, causes: &mut Causes) {
    let nothing = Node::int(0, rolling.at);
    let fields = ["maxUnavailable", "maxSurge"].map(|field| (path.child(field), some(rolling, field).unwrap_or(&nothing)));
    for (path, count) in &fields {
        percent::number_or_percent(count, path, causes);
        percent::not_above_hundred(count, path, causes);
    }
    let [(unavailable_path, unavailable), (surge_path, surge)] = fields;
    match (percent::value(unavailable) != 0, percent::value(surge) != 0) {
        (true, true) => causes.invalid(&surge_path, "may not be set when maxUnavailable is non-zero"),
        (false, false) => causes.required(&unavailable_path, "cannot be 0 when maxSurge is 0"),
        _ => {}
    }
}
