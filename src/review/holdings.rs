//! Which pod holds which claim, volume and disk, read off a rehearsal. Knows no app: only what the cluster shows.

use super::disk::disk;
use crate::bundle::{Bundle, Resource};
use crate::cluster::rehearse::Outcome;
use crate::cluster::state::{ClaimState, PodState};
use crate::k8s::object::ObjectName;
use crate::value::Text;
use std::collections::{BTreeMap, BTreeSet};

/// One claim of one replica, or a pod without any, or a claim that no pod uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// The pod; none for a claim that no pod uses.
    pub pod: Option<ObjectName>,
    /// The claim; none for a pod without any.
    pub claim: Option<ObjectName>,
    /// The volume that the claim is bound to, if one of that name is known.
    pub volume: Option<Text>,
    /// What is behind the volume.
    pub disk: Option<Behind>,
}

/// What is behind a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind {
    /// What its manifest names, in the words of its kind: `hostPath /var/lib/kubia-0`.
    Disk(String),
    /// A disk that the provisioner of that class makes.
    MadeBy(Text),
}

/// Who holds what after a step. `bundles` are those that have been applied, the last one first: a volume that the last
/// one lacks may be there still.
#[must_use]
pub fn holdings(outcome: &Outcome, bundles: &[&Bundle]) -> Vec<Holding> {
    let state = &outcome.state;
    let claims: BTreeMap<&ObjectName, &ClaimState> = state.claims.iter().map(|claim| (&claim.name, claim)).collect();
    let declared = bundles.iter().rev().flat_map(|bundle| bundle.of_kind("PersistentVolume"));
    let volumes: BTreeMap<&str, &Resource> = declared.map(|volume| (volume.id.name.as_str(), volume)).collect();
    let held = |pod: Option<&ObjectName>, claim: ObjectName| {
        let state = claims.get(&claim);
        let name = state.and_then(|state| state.volume.as_deref()).unwrap_or_default();
        let known = volumes.get(name);
        // A volume that a provisioner makes gets a name that nobody knows before.
        let class =
            state.filter(|_| !name.is_empty()).and_then(|state| state.class.as_ref()).filter(|class| !class.is_empty());
        let made = class.map(|class| Behind::MadeBy(class.clone()));
        let named = |volume: &&Resource| Some(disk(volume)).filter(|disk| !disk.is_empty()).map(Behind::Disk);
        Holding {
            pod: pod.cloned(),
            claim: Some(claim),
            volume: known.map(|volume| volume.id.name.as_str().into()),
            disk: known.map_or(made, named),
        }
    };
    let mut list = Vec::new();
    for pod in &state.pods {
        if pod.claims.is_empty() {
            list.push(Holding { pod: Some(pod.name.clone()), ..Holding::default() });
        }
        list.extend(pod.claim_names().map(|claim| held(Some(&pod.name), claim)));
    }
    let used: BTreeSet<ObjectName> = state.pods.iter().flat_map(PodState::claim_names).collect();
    let unused = state.claims.iter().filter(|claim| !used.contains(&claim.name));
    list.extend(unused.map(|claim| held(None, claim.name.clone())));
    list
}
