//! What a namespace's LimitRanges fill into pods, and how much they let a container, pod or claim ask for:
//! plugin/pkg/admission/limitranger.

use super::amounts::{self, Amounts};
use crate::cluster::denial::Refused;
use crate::cluster::store::{Key, put, text};
use crate::cluster::world::World;
use crate::k8s::quantity::Quantity;
use crate::value::Node;
use std::cmp::Ordering;

const KIND: &str = "LimitRange";
const CLAIM: &str = "PersistentVolumeClaim";
/// The most whose thousandths the server counts.
const MOST_IN_THOUSANDTHS: i64 = i64::MAX / 1000;

/// The limits of a namespace, in the order of their names.
fn limits<'w>(world: &'w World, key: &'w Key) -> impl Iterator<Item = &'w Node> {
    let ranges = world.store.of_kind(KIND).filter(|(range, _)| range.namespace == key.namespace);
    ranges.flat_map(|(_, range)| range.find(&["spec", "limits"]).into_iter().flat_map(Node::items))
}

/// Fills defaults into the containers of a new pod: `mergePodResourceRequirements`. Says whether it filled in any.
pub(super) fn mutate(world: &World, key: &Key, pod: &mut Node) -> bool {
    let mut defaults: Vec<(&str, String, Node)> = Vec::new();
    for limit in limits(world, key).filter(|limit| text(limit, &["type"]) == "Container") {
        for (stated, field) in [("default", "limits"), ("defaultRequest", "requests")] {
            let entries = limit.get(stated).into_iter().flat_map(Node::entries);
            defaults.extend(entries.map(|(name, amount)| (field, name.name.to_string(), amount.clone())));
        }
    }
    let mut filled = false;
    for list in ["containers", "initContainers"] {
        for container in pod.find_mut(&["spec", list]).into_iter().flat_map(Node::items_mut) {
            for (field, name, amount) in &defaults {
                let path = ["resources", field, name.as_str()];
                if container.find(&path).is_none_or(Node::is_null) {
                    put(container, &path, amount.clone());
                    filled = true;
                }
            }
        }
    }
    filled
}

/// Refuses a pod or claim that asks for too much, too little, or nothing where something is due.
/// `PodValidateLimitFunc`, plugin/pkg/admission/limitranger.
pub(super) fn validate(world: &World, key: &Key, object: &Node) -> Result<(), Refused> {
    let mut faults: Vec<String> = Vec::new();
    for limit in limits(world, key) {
        match (text(limit, &["type"]), key.kind.as_str()) {
            (CLAIM, CLAIM) => claim(limit, object, &mut faults),
            ("Container", "Pod") => {
                for list in ["containers", "initContainers"] {
                    for container in object.find(&["spec", list]).into_iter().flat_map(Node::items) {
                        let of = |which| amounts::of_container(container, which);
                        all(limit, "Container", &of("requests"), &of("limits"), &mut faults);
                    }
                }
            }
            ("Pod", "Pod") => {
                all(
                    limit,
                    "Pod",
                    &amounts::of_pod(object, "requests"),
                    &amounts::of_pod(object, "limits"),
                    &mut faults,
                );
            }
            _ => {}
        }
    }
    // The server joins what differs.
    let mut said: Vec<String> = Vec::new();
    for fault in faults {
        if !said.contains(&fault) {
            said.push(fault);
        }
    }
    match said.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        several => Err(format!("[{}]", several.join(", "))),
    }
}

/// `PersistentVolumeClaimValidateLimitFunc`.
fn claim(limit: &Node, claim: &Node, faults: &mut Vec<String>) {
    let requests = amounts::stated(claim.find(&["spec", "resources", "requests"]));
    for (name, least) in amounts::stated(limit.get("min")) {
        faults.extend(least_of(CLAIM, &name, &least, &requests, &Amounts::new()));
    }
    for (name, most) in amounts::stated(limit.get("max")) {
        let head = format!("maximum {name} usage per {CLAIM} is {most}");
        match requests.get(&name) {
            None => faults.push(format!("{head}.  No request is specified")),
            Some(asked) if order(asked, &most, None).is_gt() => faults.push(format!("{head}, but request is {asked}")),
            Some(_) => {}
        }
    }
}

/// `PodValidateLimitFunc`, plugin/pkg/admission/limitranger.
fn all(limit: &Node, kind: &str, requests: &Amounts, limits: &Amounts, faults: &mut Vec<String>) {
    for (name, least) in amounts::stated(limit.get("min")) {
        faults.extend(least_of(kind, &name, &least, requests, limits));
    }
    for (name, most) in amounts::stated(limit.get("max")) {
        let head = format!("maximum {name} usage per {kind} is {most}");
        let (asked, bound) = (requests.get(&name), limits.get(&name));
        match (asked, bound) {
            (_, None) => faults.push(format!("{head}.  No limit is specified")),
            (_, Some(bound)) if order(bound, &most, asked).is_gt() => {
                faults.push(format!("{head}, but limit is {bound}"));
            }
            (Some(asked), Some(_)) if order(asked, &most, bound).is_gt() => {
                faults.push(format!("{head}, but request is {asked}"));
            }
            _ => {}
        }
    }
    for (name, ratio) in amounts::stated(limit.get("maxLimitRequestRatio")) {
        faults.extend(ratio_of(kind, &name, &ratio, requests.get(&name), limits.get(&name)));
    }
}

/// `minConstraint`.
fn least_of(kind: &str, name: &str, least: &Quantity, requests: &Amounts, limits: &Amounts) -> Option<String> {
    let head = format!("minimum {name} usage per {kind} is {least}");
    let Some(asked) = requests.get(name) else { return Some(format!("{head}.  No request is specified")) };
    let bound = limits.get(name);
    if order(asked, least, bound).is_lt() {
        return Some(format!("{head}, but request is {asked}"));
    }
    bound.filter(|bound| order(bound, least, Some(asked)).is_lt()).map(|bound| format!("{head}, but limit is {bound}"))
}

/// `limitRequestRatioConstraint`.
#[expect(clippy::cast_precision_loss, reason = "the server divides so")]
fn ratio_of(
    kind: &str,
    name: &str,
    ratio: &Quantity,
    asked: Option<&Quantity>,
    bound: Option<&Quantity>,
) -> Option<String> {
    let head = format!("{name} max limit to request ratio per {kind} is {ratio}");
    let Some(asked) = asked.filter(|asked| asked.sign().is_ne()) else {
        return Some(format!("{head}, but no request is specified or request is 0"));
    };
    let Some(bound) = bound.filter(|bound| bound.sign().is_ne()) else {
        return Some(format!("{head}, but no limit is specified or limit is 0"));
    };
    let finely = [asked, bound, ratio].iter().all(|amount| amount.value() <= MOST_IN_THOUSANDTHS);
    let of = |amount: &Quantity| if finely { amount.milli() } else { amount.value() } as f64;
    let observed = of(bound) / of(asked);
    let (shown, most) = if ratio.value() <= MOST_IN_THOUSANDTHS {
        (observed * 1000.0, ratio.milli() as f64)
    } else {
        (observed, ratio.value() as f64)
    };
    (shown > most).then(|| format!("{head}, but provided ratio is {observed:.6}"))
}

/// How two amounts stand to each other, as finely as the server looks at them beside a third:
/// `requestLimitEnforcedValues`.
fn order(one: &Quantity, other: &Quantity, beside: Option<&Quantity>) -> Ordering {
    let finely =
        [Some(one), Some(other), beside].into_iter().flatten().all(|amount| amount.value() <= MOST_IN_THOUSANDTHS);
    if finely { one.milli().cmp(&other.milli()) } else { one.value().cmp(&other.value()) }
}
