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
use crate::cluster::rehearse::{Outcome, rehearse};
use crate::cluster::state::PodState;
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

/// Notes what stands in the way of the pods and claims of sets. Gives the sets that do not change themselves.
pub(super) fn of_pods(changes: &mut [Change], after: &Outcome, home: &str) -> Vec<Barred> {
    let mut others = Vec::new();
    if after.denied.is_empty() {
        return others;
    }
    let mut sets: BTreeMap<ObjectName, &mut Change> = changes
        .iter_mut()
        .filter(|change| change.id.kind == "StatefulSet" && change.kind != ChangeKind::Removed)
        .map(|change| (change.id.object(home), change))
        .collect();
    let mut here: BTreeMap<ObjectName, usize> = BTreeMap::new();
    for set in after.state.pods.iter().filter_map(PodState::set) {
        *here.entry(set).or_default() += 1;
    }
    let asked: BTreeMap<&ObjectName, i64> =
        after.state.statefulsets.iter().map(|set| (&set.name, set.spec.unwrap_or(1))).collect();
    for (key, denial) in &after.denied {
        let set = key.object();
        let why = denial.message.clone();
        match sets.get_mut(&set).filter(|change| change.refusals.is_empty()) {
            Some(change) => {
                let asked = asked.get(&set).copied().unwrap_or_default();
                change.effects.push(Effect::PodsRefused {
                    here: here.get(&set).copied().unwrap_or_default(),
                    asked: usize::try_from(asked).unwrap_or_default(),
                    why,
                });
                change.barrier = Some(denial.barrier.clone());
                change.verdict = change.verdict.max(Verdict::Refused);
            }
            None => others.push(Barred { set, why }),
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
