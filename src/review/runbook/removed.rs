//! A StatefulSet that goes for good: its pods in order, and what is left of it.

use super::claims;
use super::command::{all, kubectl, named, word};
use super::{Matter, Plan, scale};
use crate::review::set::Set;

/// The steps. Applying manifests takes nothing away, and a set that is deleted ends all its pods at once.
pub(super) fn plan(matter: Matter<'_>, old: Set<'_>) -> Option<Plan> {
    let claims = old.claims(claims::ordinals(old));
    if claims.is_empty() {
        return None;
    }
    let namespace = &old.0.id.namespace;
    let (kubectl, name) = (kubectl(namespace), named("statefulset", old.name()));
    let mut plan = Plan::new(format!("take {} away in order and keep its data", old.0.id));
    super::swap::counted(&mut plan, old);
    super::swap::retain_claims(&mut plan, old);
    scale::to_nothing(&mut plan, old);
    let pods: Vec<String> =
        claims::ordinals(old).map(|ordinal| word(&format!("pod/{}", claims::pod(old, ordinal)))).collect();
    plan.run(format!("{kubectl} wait --for=delete {} --timeout=30m", pods.join(" ")), "no pod is left", "");
    plan.run(format!("{kubectl} delete {name}"), "the set is gone; it had no pods any more", "");
    let kept = claims::ordinals(old)
        .flat_map(|ordinal| old.templates().map(move |(template, _)| old.claim(template, ordinal)))
        .filter_map(|claim| matter.volume(matter.committed, namespace, &claim))
        .filter(|volume| matter.fresh.get(&volume.id).is_none())
        .count();
    let volumes = if kept > 0 {
        ". Their volumes are not among the new manifests any more, and are not deleted by that"
    } else {
        ""
    };
    plan.run(
        format!("{kubectl} get {}", all("pvc", &claims)),
        format!("Bound still, with all data. Delete them, and then their volumes, only when nobody needs it{volumes}"),
        "",
    );
    Some(plan)
}
