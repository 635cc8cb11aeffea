//! What in a change can cost data. Each has a name bound to exactly that change: what an acknowledgement must say.

use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::rehearse::Outcome;
use crate::value::Node;

/// A change that can cost data.
#[derive(Clone, Debug)]
pub struct Risk {
    /// What an acknowledgement says: `scale-down StatefulSet/kubia 5 to 3`.
    pub change: String,
    /// What happens, in a sentence.
    pub what: String,
    /// The object whose change it is.
    pub about: ResourceId,
    /// Whether the user has acknowledged it.
    pub acknowledged: bool,
}

fn risk(about: &ResourceId, change: String, what: String) -> Risk {
    Risk { change, what, about: about.clone(), acknowledged: false }
}

/// What can cost data between two bundles, by what they say and by what the rehearsal of both showed.
#[must_use]
pub fn risks(committed: &Bundle, fresh: &Bundle, before: &Outcome, after: &Outcome) -> Vec<Risk> {
    let mut risks = Vec::new();
    for set in committed.of_kind("StatefulSet") {
        match fresh.get(&set.id) {
            Some(later) => changed_set(set, later, &mut risks),
            None => removed_set(set, fresh, before, &mut risks),
        }
    }
    for volume in committed.of_kind("PersistentVolume") {
        match fresh.get(&volume.id) {
            Some(later) => changed_volume(volume, later, &mut risks),
            None => removed_volume(volume, before, after, &mut risks),
        }
    }
    for claim in committed.of_kind("PersistentVolumeClaim").filter(|claim| fresh.get(&claim.id).is_none()) {
        risks.push(risk(
            &claim.id,
            format!("remove {}", claim.id),
            format!("the claim {} is deleted, and its volume with it unless it is retained", claim.id.name),
        ));
    }
    rehearsed(before, after, &mut risks);
    risks
}

fn int(resource: &Resource, path: &[&str], otherwise: i64) -> i64 {
    resource.node.find(path).and_then(Node::as_int).unwrap_or(otherwise)
}

fn word<'r>(resource: &'r Resource, path: &[&str], otherwise: &'r str) -> &'r str {
    resource.node.find(path).and_then(Node::as_str).unwrap_or(otherwise)
}

fn changed_set(set: &Resource, later: &Resource, risks: &mut Vec<Risk>) {
    let id = &set.id;
    let (old, new) = (int(set, &["spec", "replicas"], 1), int(later, &["spec", "replicas"], 1));
    let keeps = set.node.find(&["spec", "volumeClaimTemplates"]).is_some_and(|claims| claims.items().next().is_some());
    if new < old && keeps {
        let deleted = word(later, &["spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"], "Retain") == "Delete";
        let fate = if deleted { "their claims are deleted" } else { "their claims stay, with data that no replica serves" };
        risks.push(risk(id, format!("scale-down {id} {old} to {new}"), format!("{id} loses {} of {old} replicas; {fate}", old - new)));
    }
    let start = |resource| int(resource, &["spec", "ordinals", "start"], 0);
    if start(set) != start(later) && keeps {
        risks.push(risk(
            id,
            format!("ordinals {id} {} to {}", start(set), start(later)),
            format!(
                "ordinals of {id} begin at {} instead of {}: replicas outside go, new ones begin with empty claims",
                start(later),
                start(set)
            ),
        ));
    }
    for field in ["whenDeleted", "whenScaled"] {
        let policy = |resource| word(resource, &["spec", "persistentVolumeClaimRetentionPolicy", field], "Retain");
        if policy(set) != "Delete" && policy(later) == "Delete" {
            let when = if field == "whenDeleted" { "the StatefulSet is deleted" } else { "an ordinal is scaled away" };
            risks.push(risk(id, format!("retention {id} {field} Delete"), format!("from now on claims of {id} are deleted when {when}")));
        }
    }
}

fn removed_set(set: &Resource, fresh: &Bundle, before: &Outcome, risks: &mut Vec<Risk>) {
    let claims = before.state.claims.iter().filter(|claim| claim.name.contains(&*set.id.name)).count();
    if claims == 0 {
        return;
    }
    let successor = fresh.of_kind("StatefulSet").next();
    let (change, fate) = match successor {
        Some(next) => (format!("rename {} to {}", set.id, next.id), format!("; {} begins with empty claims", next.id)),
        None => (format!("remove {}", set.id), String::new()),
    };
    let deleted = word(set, &["spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted"], "Retain") == "Delete";
    let claims_fate =
        if deleted { format!("its {claims} claims are deleted with it") } else { format!("its {claims} claims stay without a pod") };
    risks.push(risk(&set.id, change, format!("{} goes: all its pods end at once, {claims_fate}{fate}", set.id)));
}

fn changed_volume(volume: &Resource, later: &Resource, risks: &mut Vec<Risk>) {
    let policy = |resource| word(resource, &["spec", "persistentVolumeReclaimPolicy"], "Retain");
    if policy(volume) == "Retain" && policy(later) != "Retain" {
        risks.push(risk(
            &volume.id,
            format!("reclaim {} {}", volume.id, policy(later)),
            format!("once its claim is gone, {} is no longer kept but: {}", volume.id, policy(later)),
        ));
    }
    let claim = |resource| {
        let part = |field| word(resource, &["spec", "claimRef", field], "");
        format!("{}/{}", part("namespace"), part("name"))
    };
    if claim(volume) != claim(later) {
        risks.push(risk(
            &volume.id,
            format!("claim of {} {} to {}", volume.id, claim(volume), claim(later)),
            format!(
                "{} is to belong to {}; while it is bound to {} that does nothing, and the new claim waits",
                volume.id,
                claim(later),
                claim(volume)
            ),
        ));
    }
}

fn removed_volume(volume: &Resource, before: &Outcome, after: &Outcome, risks: &mut Vec<Risk>) {
    let bound = before.state.volumes.iter().any(|state| state.name == volume.id.name && state.phase == "Bound");
    let claimed = after.state.claims.iter().any(|claim| claim.volume.as_deref() == Some(&volume.id.name));
    if bound && claimed {
        risks.push(risk(
            &volume.id,
            format!("remove {}", volume.id),
            format!("{} is deleted while a claim uses it: it ends with the claim, and what it names is then in nobody's hands", volume.id),
        ));
    }
}

/// What the rehearsal showed beyond what the manifests say.
fn rehearsed(before: &Outcome, after: &Outcome, risks: &mut Vec<Risk>) {
    for claim in &after.state.changes.claims.removed {
        if !risks.iter().any(|risk| risk.what.contains("deleted")) {
            risks.push(risk(&claim_id(claim), format!("delete claim {claim}"), format!("the claim {claim} is deleted")));
        }
    }
    for claim in &after.state.changes.claims.replaced {
        risks.push(risk(&claim_id(claim), format!("replace claim {claim}"), format!("the claim {claim} is deleted and made anew, empty")));
    }
    for claim in after.state.claims.iter().filter(|claim| claim.phase == "Lost") {
        if before.state.claims.iter().any(|old| old.name == claim.name && old.phase != "Lost") {
            risks.push(risk(
                &claim_id(&claim.name),
                format!("lose claim {}", claim.name),
                format!("the claim {} loses its volume", claim.name),
            ));
        }
    }
}

fn claim_id(name: &str) -> ResourceId {
    ResourceId { group: String::new(), kind: "PersistentVolumeClaim".into(), namespace: String::new(), name: name.to_owned() }
}
