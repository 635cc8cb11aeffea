//! A StatefulSet that goes for good: its pods in order, and what is left of it.

use super::claims;
use super::command::{all, delete, get, named, wait, word};
use super::step::{OfClaim, OfPod, OfSet, Purpose};
use super::{Matter, Plan, scale};
use crate::review::set::Set;

/// The steps. Applying manifests takes nothing away, and a set that is deleted ends all its pods at once.
pub(super) fn plan(matter: Matter<'_>, old: Set<'_>) -> Option<Plan> {
    let claims = old.claims(claims::ordinals(old));
    if claims.is_empty() {
        return None;
    }
    let namespace = &old.0.id.namespace;
    let mut plan = Plan::new(Purpose::Remove(old.0.id.clone()));
    super::swap::counted(&mut plan, old);
    super::swap::retain_claims(&mut plan, old);
    scale::to_nothing(&mut plan, old);
    let pods: Vec<String> =
        claims::ordinals(old).map(|ordinal| word(&format!("pod/{}", claims::pod(old, ordinal)))).collect();
    plan.run(wait(namespace, "delete", &pods.join(" "), "30m"), OfPod::None, None);
    plan.run(delete(namespace, &named("statefulset", old.name())), OfSet::Deleted, None);
    let kept = claims::ordinals(old)
        .flat_map(|ordinal| old.templates().map(move |(template, _)| old.claim(template, ordinal)))
        .filter_map(|claim| matter.volume(matter.committed, namespace, &claim))
        .filter(|volume| matter.fresh.get(&volume.id).is_none())
        .count();
    let left = OfClaim::LeftOfSet { unlisted_volumes: kept > 0 };
    plan.run(get(namespace, &all("pvc", &claims)), left, None);
    Some(plan)
}
