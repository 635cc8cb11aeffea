//! Which taints of nodes a pod bears, and for how long. Knows no node.
//!
//! Follows `staging/src/k8s.io/component-helpers/scheduling/corev1/helpers.go: FindMatchingUntoleratedTaint,
//! GetMatchingTolerations`.

use super::fleet::{NO_EXECUTE, NOT_READY, Taint, UNREACHABLE};
use super::object::text;
use crate::value::Node;

/// How long a pod may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    /// Not at all.
    Never,
    /// For so many seconds.
    For(u64),
    /// For good.
    Ever,
}

/// Whether a pod bears a taint.
#[must_use]
pub(crate) fn bears(pod: &Node, key: &str, value: &str, effect: &str) -> bool {
    effect == NO_EXECUTE && is_given(pod, key) || tolerations(pod).any(|one| tolerates(one, key, value, effect))
}

/// How long a pod may stay on a node with these taints. `default` is for how many seconds it bears a node that is not
/// ready where it says nothing of that.
/// `GetMatchingTolerations`, k8s.io/component-helpers/scheduling/corev1; `getMinTolerationTime`,
/// pkg/controller/tainteviction.
#[must_use]
pub(crate) fn stay(pod: &Node, taints: &[Taint], default: i64) -> Stay {
    let mut least: Option<i64> = None;
    for taint in taints {
        let found = tolerations(pod).find(|one| tolerates(one, &taint.key, &taint.value, NO_EXECUTE));
        let seconds = match found {
            Some(toleration) => toleration.get("tolerationSeconds").and_then(Node::as_int),
            None if is_given(pod, &taint.key) => Some(default),
            None => return Stay::Never,
        };
        least = match (least, seconds) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    least.map_or(Stay::Ever, |seconds| Stay::For(u64::try_from(seconds).unwrap_or_default()))
}

/// The server lets a pod that says nothing of nodes that are not ready bear them for a while.
/// `Admit`, plugin/pkg/admission/defaulttolerationseconds.
fn is_given(pod: &Node, key: &str) -> bool {
    let is_about = |toleration: &Node| {
        let own = text(toleration, &["key"]);
        (own.is_empty() || own == key) && matches!(text(toleration, &["effect"]), "" | NO_EXECUTE)
    };
    [NOT_READY, UNREACHABLE].contains(&key) && !tolerations(pod).any(is_about)
}

fn tolerations(pod: &Node) -> impl Iterator<Item = &Node> {
    pod.find(&["spec", "tolerations"]).into_iter().flat_map(Node::items)
}

/// `ToleratesTaint`, k8s.io/api/core/v1.
fn tolerates(toleration: &Node, key: &str, value: &str, effect: &str) -> bool {
    let of = |field: &str| text(toleration, &[field]);
    let same_value = match of("operator") {
        "" | "Equal" => of("value") == value,
        "Exists" => true,
        "Gt" => matches!((value.parse::<i64>(), of("value").parse::<i64>()), (Ok(taint), Ok(own)) if taint > own),
        "Lt" => matches!((value.parse::<i64>(), of("value").parse::<i64>()), (Ok(taint), Ok(own)) if taint < own),
        _ => false,
    };
    (of("effect").is_empty() || of("effect") == effect) && (of("key").is_empty() || of("key") == key) && same_value
}
