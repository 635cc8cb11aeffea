//! What stands in the way of objects that are valid by themselves: quotas, limit ranges, Pod Security, policies. Off the
//! rehearsal; decides nothing but whom it is about.

use super::change::{Change, ChangeKind, Verdict};
use super::effect::Effect;
use super::notes::Barred;
use super::presumed;
use super::setting::Setting;
use crate::bundle::Bundle;
use crate::cluster::kubectl::{Act, Done};
use crate::cluster::plugin;
use crate::cluster::rehearse::{Denied, Outcome, rehearse};
use crate::cluster::store::Key;
use crate::k8s::object::ObjectName;
use std::collections::BTreeMap;

/// Notes what stands in the way of an object itself.
pub(super) fn of_object(change: &mut Change, acts: &BTreeMap<&Key, &Done>, home: &str) {
    if change.kind == ChangeKind::Removed || !change.refusals.is_empty() {
        return;
    }
    let place = change.id.object(home);
    // Objects of the whole cluster have no namespace.
    let keys = [Key::of(&*change.id.kind, &place), Key::new(&*change.id.kind, "", &*change.id.name)];
    let Some(Act::Rejected(rejection)) = keys.iter().find_map(|key| acts.get(key)).map(|done| &done.act) else {
        return;
    };
    if let Some(barrier) = &rejection.barrier {
        change.barrier = Some(barrier.clone());
        change.refusals.clone_from(&rejection.refusals);
        change.effects = vec![Effect::NotApplied];
        change.is_idle = false;
    }
}

/// Notes what stands in the way of the pods and claims of workloads. Gives the sets that do not change themselves.
pub(super) fn of_pods(changes: &mut [Change], after: &Outcome, home: &str) -> Vec<Barred> {
    let mut others = Vec::new();
    if after.denied.is_empty() {
        return others;
    }
    let mut workloads: BTreeMap<(String, ObjectName), &mut Change> = changes
        .iter_mut()
        .filter(|change| change.kind != ChangeKind::Removed)
        .map(|change| ((change.id.kind.to_string(), change.id.object(home)), change))
        .collect();
    for Denied { key, denial, here, asked } in &after.denied {
        // The pods of others than sets have no names yet.
        let is_set = key.kind == "StatefulSet";
        let why = if is_set { denial.message.clone() } else { denial.cause.clone() };
        let place = (key.kind.to_string(), key.object());
        match workloads.get_mut(&place).filter(|change| change.refusals.is_empty()) {
            Some(change) => {
                change.effects.push(Effect::PodsRefused { here: *here, asked: *asked, why });
                change.barrier = Some(denial.barrier.clone());
                change.verdict = change.verdict.max(Verdict::Refused);
            }
            None => others.push(Barred { set: key.object(), why }),
        }
    }
    others
}

/// The same of a bundle before which nothing was there.
pub(super) fn of_new(changes: &mut [Change], fresh: &Bundle, setting: Setting<'_>) {
    if setting.facts.objects.is_empty() && setting.facts.residents.is_empty() && !plugin::is_in(fresh) {
        return;
    }
    let facts = presumed::classes(setting.facts, &[fresh]);
    let rehearsal = rehearse(std::slice::from_ref(fresh), &facts, setting.version, setting.namespace);
    let [after] = &rehearsal.steps[..] else { return };
    let acts: BTreeMap<&Key, &Done> = after.acts.iter().map(|done| (&done.key, done)).collect();
    for change in changes.iter_mut() {
        of_object(change, &acts, setting.namespace);
        if change.barrier.is_some() {
            change.verdict = Verdict::Refused;
        }
    }
    of_pods(changes, after, setting.namespace);
}
