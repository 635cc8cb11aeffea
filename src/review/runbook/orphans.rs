//! Letting go of what runs and nothing makes, the safe way: the disk is kept until somebody has looked at it.

use super::Plan;
use super::command::{delete, get, get_field, named, patch, retain};
use super::step::{OfClaim, OfObject, OfVolume, Purpose};
use crate::review::orphans::{Orphan, What};

/// The steps for each.
pub(super) fn plan(orphan: &Orphan) -> Plan {
    let id = &orphan.id;
    let mut plan = Plan::new(Purpose::LetGo(id.clone()));
    match &orphan.what {
        What::Claim { volume, .. } => {
            let name = named("pvc", &id.name);
            if let Some((volume, reclaim)) = volume {
                let volume = named("pv", volume);
                if reclaim != "Retain" {
                    let shown = get_field("", &volume, "{.spec.persistentVolumeReclaimPolicy}");
                    plan.run(patch("", &volume, &retain()), OfVolume::DataRetained, shown);
                }
                plan.run(delete(&id.namespace, &name), OfClaim::DeletedUnmounted, get("", &volume));
            } else {
                plan.run(delete(&id.namespace, &name), OfClaim::DeletedUnmounted, None);
            }
        }
        What::Volume { .. } => plan.run(delete("", &named("pv", &id.name)), OfVolume::Deleted, None),
        What::Object => {
            let kind = id.kind.to_lowercase();
            let kind = if id.group.is_empty() { kind } else { format!("{kind}.{}", id.group) };
            plan.run(delete(&id.namespace, &named(&kind, &id.name)), OfObject::LetGo, None);
        }
    }
    plan
}
