//! Volumes that an earlier claim has left: they are reserved for that one claim, and a new one of the same name does
//! not get them.

use super::command::{Command, all, await_set, get, get_field, named, patch, set_free};
use super::rename::Rename;
use super::step::{AllReady, OfClaim, OfSet, OfVolume, Purpose};
use super::{Matter, Plan, claims};
use crate::bundle::Resource;
use crate::review::change::ChangeKind;
use crate::review::set::Set;

/// The steps for claims that come while their volumes were there before.
pub(super) fn plan(matter: Matter<'_>, renames: &[Rename<'_>]) -> Vec<Plan> {
    let added = matter.changes.iter().filter(|change| change.kind == ChangeKind::Added && change.refusals.is_empty());
    added
        .filter_map(|change| {
            let new = matter.fresh.get(&change.id)?;
            match &*change.id.kind {
                "StatefulSet" if !renames.iter().any(|rename| rename.new.0.id == change.id) => {
                    let set = Set(new);
                    let claims = set.claims(claims::ordinals(set));
                    let mut plan = left(matter, new, &claims)?;
                    plan.apply(matter.with_companions(set), OfSet::TakesUp, None);
                    plan.run(await_set(set), AllReady::WithData, shown(new, &claims));
                    Some(plan)
                }
                "PersistentVolumeClaim" => {
                    let claims = [new.id.name.to_string()];
                    let mut plan = left(matter, new, &claims)?;
                    plan.apply(vec![new.id.clone()], OfClaim::TakesUp, shown(new, &claims));
                    Some(plan)
                }
                _ => None,
            }
        })
        .collect()
}

/// The steps for the volumes that were there before, if there are any.
fn left(matter: Matter<'_>, owner: &Resource, claims: &[String]) -> Option<Plan> {
    let was_there = |claim: &String| {
        let volume = matter.volume(matter.fresh, &owner.id.namespace, claim)?;
        matter.committed.get(&volume.id).map(|_| volume)
    };
    let volumes: Vec<&Resource> = claims.iter().filter_map(was_there).collect();
    let mut plan = Plan::new(Purpose::TakeUp(owner.id.clone()));
    volumes.iter().for_each(|volume| free(&mut plan, volume));
    (!volumes.is_empty()).then_some(plan)
}

fn shown(owner: &Resource, claims: &[String]) -> Command {
    get(&owner.id.namespace, &all("pvc", claims))
}

/// Frees a volume whose claim is gone; leaves it alone if it is bound.
pub(super) fn free(plan: &mut Plan, volume: &Resource) {
    let name = named("pv", &volume.id.name);
    let phase = get_field("", &name, "{.status.phase}");
    let freed = patch("", &name, &set_free());
    plan.run(Command::line(format!("[ \"$({phase})\" != Released ] || {freed}")), OfVolume::AvailableIf, phase);
}
