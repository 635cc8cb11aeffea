//! DaemonSets.
//!
//! Follows `pkg/apis/apps/validation/validation.go: ValidateDaemonSet, ValidateDaemonSetUpdate`.

use super::cause::{Causes, Path, number, some, text};
use super::meta::Naming;
use super::pod_rules::Rules;
use super::selector::{self, Chosen};
use super::{Kind, percent, pod_warning, workload};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::value::{Map, Node};

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "apps",
    version: "v1",
    kind: "DaemonSet",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::workload::daemon_set,
    prepare,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");

/// The server counts changes of the template in an annotation, whatever is written there: `PrepareForUpdate`,
/// pkg/registry/apps/daemonset.
fn prepare(object: &mut Node, stored: Option<&Node>, _: Version, _: &mut Causes) {
    const COUNT: &str = "deprecated.daemonset.template.generation";
    let annotations = ["metadata", "annotations"];
    let counted = stored.and_then(|stored| stored.find(&annotations)?.get(COUNT)?.as_str()?.parse::<i64>().ok());
    let (Some(stored), Some(counted)) = (stored, counted) else { return };
    let template = |node: &Node| node.find(&["spec", "template"]).cloned();
    let (new, old) = (template(object), template(stored));
    let is_same = workload::FIELD_RULES.same_fields("template", new.as_ref(), old.as_ref());
    let (at, count) = (object.at, if is_same { counted } else { counted + 1 });
    let Some(metadata) = object.get_mut("metadata").and_then(Node::as_map_mut) else { return };
    if metadata.get("annotations").is_none_or(|annotations| annotations.as_map().is_none()) {
        metadata.put("annotations", Node::map(Map::new(), at));
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Node::as_map_mut) {
        annotations.put(COUNT, Node::text(count.to_string(), at));
    }
}

/// `ValidateDaemonSet`, pkg/apis/apps/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let inner = object.get("spec").unwrap_or(&nothing);
    spec(inner, &Rules::new(version, false, None), causes);
    warn(inner, version, causes);
}

/// `ValidateDaemonSetUpdate`, pkg/apis/apps/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let (new, old) = (object.get("spec").unwrap_or(&nothing), stored.get("spec").unwrap_or(&nothing));
    let mut rules = Rules::new(version, false, old.get("template"));
    rules.faulty_affinity_values |= selector::has_faulty_values(old.get("selector"));
    spec(new, &rules, causes);
    workload::same_selector(new, old, causes);
    if !workload::FIELD_RULES.same_fields("template", new.get("template"), old.get("template")) {
        warn(new, version, causes);
    }
}

/// `WarningsOnCreate`, pkg/registry/apps/daemonset.
fn warn(spec: &Node, version: Version, causes: &mut Causes) {
    if let Some(template) = spec.get("template").filter(|_| causes.refusals.is_empty()) {
        pod_warning::warn(template, false, version, &SPEC.child("template"), causes);
    }
}

/// `ValidateDaemonSetSpec`, pkg/apis/apps/validation.
fn spec(spec: &Node, rules: &Rules, causes: &mut Causes) {
    workload::template(spec, chosen(spec, rules, causes), "DaemonSet", rules, &SPEC, causes);
    for field in ["minReadySeconds", "revisionHistoryLimit"] {
        causes.not_negative(number(spec, field), &SPEC.child(field));
    }
    strategy(spec, &SPEC.child("updateStrategy"), causes);
}

/// A missing selector picks nothing, and the server says no more of it.
fn chosen<'n>(spec: &'n Node, rules: &Rules, causes: &mut Causes) -> Chosen<'n> {
    let path = SPEC.child("selector");
    let Some(node) = some(spec, "selector") else { return Chosen::Nothing };
    selector::selector_with(Some(node), rules.faulty_affinity_values, &path, causes);
    if selector::is_empty(node) {
        causes.invalid(&path, "empty selector is invalid for daemonset");
        return Chosen::Everything;
    }
    let mut found = Causes::default();
    selector::selector(Some(node), &path, &mut found);
    if found.refusals.is_empty() { Chosen::Some(node) } else { Chosen::Faulty }
}

/// `ValidateDaemonSetUpdateStrategy` and `ValidateRollingUpdateDaemonSet`, pkg/apis/apps/validation.
fn strategy(spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let nothing = Node::null(spec.at);
    let strategy = spec.get("updateStrategy").unwrap_or(&nothing);
    let rolling_path = path.child("rollingUpdate");
    match (text(strategy, "type"), some(strategy, "rollingUpdate")) {
        ("OnDelete", _) => {}
        ("RollingUpdate", None) => causes.required(&rolling_path, ""),
        ("RollingUpdate", Some(rolling)) => {
            let zero = Node::int(0, spec.at);
            let fields = ["maxUnavailable", "maxSurge"]
                .map(|field| (rolling.get(field).unwrap_or(&zero), rolling_path.child(field)));
            for (value, path) in &fields {
                percent::number_or_percent(value, path, causes);
                percent::not_above_hundred(value, path, causes);
            }
            let [(missing, missing_path), (extra, extra_path)] = fields;
            match (percent::value(missing) != 0, percent::value(extra) != 0) {
                (true, true) => causes.invalid(&extra_path, "may not be set when maxUnavailable is non-zero"),
                (false, false) => causes.required(&missing_path, "cannot be 0 when maxSurge is 0"),
                _ => {}
            }
        }
        _ => causes.not_supported(path, &["RollingUpdate", "OnDelete"]),
    }
}
