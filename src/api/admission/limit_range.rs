//! LimitRanges: what a container, a pod or a claim may ask for at least and at most, and what it gets when it says
//! nothing.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateLimitRange`.

use super::cause::{Causes, Path, list, text};
use super::meta::Naming;
use super::{Kind, resources};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::quantity::Quantity;
use crate::k8s::version::Version;
use crate::value::{Map, Node};
use std::collections::BTreeSet;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "LimitRange",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::policy::limit_range,
    prepare,
    create: |object, _, causes| judge(object, causes),
    update: |object, _, _, causes| {
        super::meta::names_again(object, KIND.naming, causes);
        judge(object, causes);
    },
};

/// A range without a name is given one; which one nobody can know.
/// `PrepareForCreate`, pkg/registry/core/limitrange.
fn prepare(object: &mut Node, stored: Option<&Node>, _: Version, _: &mut Causes) {
    let at = object.at;
    if stored.is_some() {
        return;
    }
    let Some(map) = object.as_map_mut() else { return };
    if map.get("metadata").is_none_or(Node::is_null) {
        map.put("metadata", Node::map(Map::new(), at));
    }
    let Some(metadata) = map.get_mut("metadata").and_then(Node::as_map_mut) else { return };
    if metadata.get("namespace").and_then(Node::as_str).unwrap_or_default().is_empty() {
        metadata.put("namespace", Node::text("default", at));
    }
    if metadata.get("name").and_then(Node::as_str).unwrap_or_default().is_empty() {
        metadata.put("name", Node::text("00000000-0000-0000-0000-000000000000", at));
    }
}

/// `ValidateLimitRange`, pkg/apis/core/validation.
fn judge(object: &Node, causes: &mut Causes) {
    let path = Path::new("spec.limits");
    let mut seen = BTreeSet::new();
    let limits = object.get("spec").map(|spec| list(spec, "limits")).unwrap_or_default();
    for (index, limit) in limits.iter().enumerate() {
        let path = path.index(index);
        let kind = text(limit, "type");
        type_name(kind, &path.child("type"), causes);
        if !seen.insert(kind) {
            causes.duplicate(&path.child("type"));
        }
        names(limit, kind, &path, causes);
        if kind == "PersistentVolumeClaim"
            && ["min", "max"].iter().all(|field| limit.find(&[field, "storage"]).is_none())
        {
            causes.required(
                &path.child("limits"),
                "either minimum or maximum storage value is required, but neither was provided",
            );
        }
        amounts(limit, kind, &path, causes);
    }
}

const FIELDS: [&str; 5] = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];

fn is_ignored(kind: &str, field: &str) -> bool {
    kind == "Pod" && matches!(field, "default" | "defaultRequest")
}

/// `validateLimitRangeTypeName`, pkg/apis/core/validation.
fn type_name(kind: &str, path: &Path<'_>, causes: &mut Causes) {
    let faults = name::label_key(kind);
    if faults.is_empty() && !kind.contains('/') && !["Pod", "Container", "PersistentVolumeClaim"].contains(&kind) {
        causes.invalid(path, "must be a standard limit type or fully qualified");
    }
    causes.each_invalid(path, faults);
}

/// `ValidateLimitRange`, pkg/apis/core/validation.
fn names(limit: &Node, kind: &str, path: &Path<'_>, causes: &mut Causes) {
    for field in FIELDS {
        let path = path.child(field);
        let mut entries = limit.get(field).into_iter().flat_map(Node::entries).peekable();
        if is_ignored(kind, field) {
            if entries.peek().is_some() {
                causes.forbidden(&path, "may not be specified when `type` is 'Pod'");
            }
            continue;
        }
        for (key, _) in entries {
            resources::limited(&key.name, matches!(kind, "Pod" | "Container"), &path.key(&key.name), causes);
        }
    }
}

/// Each amount against the others of its resource.
/// `ValidateLimitRange`, pkg/apis/core/validation.
fn amounts(limit: &Node, kind: &str, path: &Path<'_>, causes: &mut Causes) {
    let keys: BTreeSet<&str> = FIELDS
        .iter()
        .filter(|field| !is_ignored(kind, field))
        .flat_map(|field| limit.get(field).into_iter().flat_map(Node::entries))
        .map(|(key, _)| key.name.as_str())
        .collect();
    for key in keys {
        let amount = |field| {
            let node = limit.find(&[field, key]).filter(|_| !is_ignored(kind, field));
            node.map(|node| Quantity::stored(Some(node)))
        };
        let [most, least, default, asked, ratio] = FIELDS.map(amount);
        let (default_path, asked_path) = (path.child("default"), path.child("defaultRequest"));
        let (default_path, asked_path) = (default_path.key(key), asked_path.key(key));
        let min_path = path.child("min");
        let mut ordered = |small: &Option<Quantity>, large: &Option<Quantity>, path: &Path<'_>, words: [&str; 2]| {
            if let (Some(small), Some(large)) = (small, large)
                && small > large
            {
                causes.invalid(path, format!("{} value {small} is greater than {} value {large}", words[0], words[1]));
            }
        };
        ordered(&least, &most, &min_path.key(key), ["min", "max"]);
        ordered(&least, &asked, &asked_path, ["min", "default request"]);
        ordered(&asked, &most, &asked_path, ["default request", "max"]);
        ordered(&asked, &default, &asked_path, ["default request", "default limit"]);
        ordered(&least, &default, &default_path, ["min", "default"]);
        ordered(&default, &most, &default_path, ["default", "max"]);
        if let Some(ratio) = &ratio {
            let path = path.child("maxLimitRequestRatio");
            ratio_rule(ratio, least.as_ref(), most.as_ref(), &path.key(key), causes);
        }
        if let (Some(default), Some(asked)) = (&default, &asked)
            && !resources::is_shareable(key)
            && default != asked
        {
            causes.invalid(
                &asked_path,
                format!("default value {default} must equal to defaultRequest value {asked} in {key}"),
            );
        }
    }
}

/// `ValidateLimitRange`, pkg/apis/core/validation.
#[expect(clippy::cast_precision_loss, reason = "that is how the server compares")]
fn ratio_rule(
    ratio: &Quantity,
    least: Option<&Quantity>,
    most: Option<&Quantity>,
    path: &Path<'_>,
    causes: &mut Causes,
) {
    /// Beyond this the server counts whole units.
    const MOST_MILLI: i64 = i64::MAX / 1000;
    if *ratio < Quantity::whole(1) {
        causes.invalid(path, format!("ratio {ratio} is less than 1"));
    }
    let (Some(least), Some(most)) = (least, most) else { return };
    let small = [ratio, least, most].iter().all(|amount| amount.value() < MOST_MILLI);
    let (share, least, most) = if small {
        (ratio.milli() as f64 / 1000.0, least.milli() as f64, most.milli() as f64)
    } else {
        (ratio.value() as f64, least.value() as f64, most.value() as f64)
    };
    let limit = most / least;
    if share > limit {
        causes.invalid(path, format!("ratio {ratio} is greater than max/min = {limit:.6}"));
    }
}
