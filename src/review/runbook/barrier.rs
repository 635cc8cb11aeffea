//! What is valid by itself and stands before a quota, a policy, a limit or a class: what to look at, and what then
//! lets it in.

use super::command::{describe, get, named};
use super::step::{Expect, OfObject, Purpose};
use super::{Plan, hopeless};
use crate::bundle::Resource;
use crate::cluster::plugin::Barrier;
use crate::review::change::{Change, ChangeKind};
use crate::review::setting::Setting;

/// The steps for one object, or for its pods.
pub(super) fn plan(setting: Setting<'_>, change: &Change, new: &Resource, barrier: &Barrier) -> Plan {
    let place = new.id.object(setting.namespace).namespace;
    let look = match barrier {
        // Only its own text can be mended.
        Barrier::Labels => return hopeless(change),
        Barrier::Quota(name) => describe(&place, &named("resourcequota", name)),
        Barrier::LimitRange => describe(&place, "limitranges"),
        Barrier::PodSecurity => get("", &named("namespace", &place)).with("--show-labels"),
        Barrier::Policy(name) => get("", &named("validatingadmissionpolicy", name)).with("-o yaml"),
        Barrier::Mutation(name) => get("", &named("mutatingadmissionpolicy", name)).with("-o yaml"),
        Barrier::Namespace => get("", "namespaces"),
        Barrier::ServiceAccount => get(&place, "serviceaccounts"),
        Barrier::PriorityClass => get("", "priorityclasses"),
        Barrier::RuntimeClass => get("", "runtimeclasses"),
    };
    let of_pods = change.refusals.is_empty();
    let mut plan = Plan::new(Purpose::Past { id: change.id.clone(), of_pods, barrier: barrier.clone() });
    plan.run(look, Expect::Object(OfObject::Obstacle(barrier.clone())), None);
    let kind = new.id.kind.to_lowercase();
    let kind = if new.id.group.is_empty() { kind } else { format!("{kind}.{}", new.id.group) };
    let done = if change.kind == ChangeKind::Changed { OfObject::Configured } else { OfObject::Created };
    plan.apply(vec![new.id.clone()], Expect::Object(done), get(&new.id.namespace, &named(&kind, &new.id.name)));
    plan
}
