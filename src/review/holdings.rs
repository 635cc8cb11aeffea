//! Which pod holds which claim, volume and disk, read off a rehearsal. Knows no app: only what the cluster shows.

use super::disk::disk;
use crate::bundle::{Bundle, Resource};
use crate::cluster::rehearse::Outcome;
use crate::cluster::state::ClaimState;
use std::collections::{BTreeMap, BTreeSet};

/// One claim of one replica, or a pod without any, or a claim that no pod uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// The pod; empty for a claim that none uses.
    pub pod: String,
    /// The claim; empty for a pod without any.
    pub claim: String,
    /// The volume that the claim is bound to; empty where it is not.
    pub volume: String,
    /// The disk behind the volume, in the words of its kind: `hostPath /var/lib/kubia-0`.
    pub disk: String,
}

/// Who holds what after a step. `bundles` are those that have been applied, the last one first: a volume that the last one lacks may be
/// there still.
#[must_use]
pub fn holdings(outcome: &Outcome, bundles: &[&Bundle]) -> Vec<Holding> {
    let state = &outcome.state;
    let claims: BTreeMap<&str, &ClaimState> = state.claims.iter().map(|claim| (claim.name.as_str(), claim)).collect();
    let declared = bundles.iter().rev().flat_map(|bundle| bundle.of_kind("PersistentVolume"));
    let volumes: BTreeMap<&str, &Resource> = declared.map(|volume| (volume.id.name.as_str(), volume)).collect();
    let held = |pod: &str, claim: &str| {
        let state = claims.get(claim);
        let name = state.and_then(|state| state.volume.as_deref()).unwrap_or_default();
        let known = volumes.get(name);
        // A volume that a provisioner makes gets a name that nobody knows before.
        let class = state.filter(|_| !name.is_empty()).and_then(|state| state.class.as_ref()).filter(|class| !class.is_empty());
        let made = class.map(|class| format!("made by class {class}"));
        let volume = if known.is_some() { name.to_owned() } else { String::new() };
        Holding {
            pod: pod.to_owned(),
            claim: claim.to_owned(),
            volume,
            disk: known.map(|volume| disk(volume)).or(made).unwrap_or_default(),
        }
    };
    let mut list = Vec::new();
    for pod in &state.pods {
        if pod.claims.is_empty() {
            list.push(Holding { pod: pod.name.clone(), ..Holding::default() });
        }
        list.extend(pod.claims.iter().map(|claim| held(&pod.name, claim)));
    }
    let used: BTreeSet<&str> = state.pods.iter().flat_map(|pod| &pod.claims).map(String::as_str).collect();
    let unused = state.claims.iter().filter(|claim| !used.contains(claim.name.as_str()));
    list.extend(unused.map(|claim| held("", &claim.name)));
    list
}
