//! What runs and nothing makes: claims and volumes that no replica has, and objects with the app's labels that no
//! manifest states. Says what each keeps; how to let go of it is a runbook.

use super::set::Set;
use super::setting::Setting;
use crate::bundle::inventory::{Inventory, Object};
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::object::{claim_names, claim_ref, text};
use crate::k8s::shape;
use crate::source::At;
use crate::stateful_set::{claim_base, numbered};
use crate::value::Node;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something that runs and nothing makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The object.
    pub id: ResourceId,
    /// What it is.
    pub what: What,
    /// The place of what it belonged to, if that is known.
    pub at: Option<At>,
}

/// What an orphan is, and what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A claim of a replica that there is none of, mounted by no pod.
    Claim {
        /// The set that it was made for.
        set: String,
        /// What it holds: `10Gi`; empty where that is not said.
        size: String,
        /// Its class; empty for none.
        class: String,
        /// Its volume, and what becomes of that once the claim goes: nothing where it is not known.
        volume: Option<(String, String)>,
    },
    /// A volume whose claim is gone.
    Volume {
        /// The claim, with its namespace.
        claim: String,
        /// What it holds.
        size: String,
        /// What becomes of its disk.
        reclaim: String,
    },
    /// Another object.
    Object,
}

/// The label by which the manifests of an app are known.
const MANAGED: &str = "app.kubernetes.io/managed-by";
const NAME: &str = "app.kubernetes.io/name";
/// What stands in it.
const US: &str = "statewright";

/// What runs and neither of two bundles makes, as far as it belongs to them.
#[must_use]
pub(super) fn orphans(committed: &Bundle, fresh: &Bundle, objects: &Inventory, setting: Setting<'_>) -> Vec<Orphan> {
    let home = setting.namespace;
    let stated = fresh.resources.iter().chain(&committed.resources).map(|one| {
        let is_wide = shape::find(&one.api_version, &one.id.kind).is_some_and(|known| !known.namespaced);
        (one.id.kind.as_str(), if is_wide { "" } else { here(&one.id, home) }, one.id.name.as_str())
    });
    let search = Search { committed, fresh, objects, setting, stated: stated.collect() };
    let mut found = search.claims();
    found.extend(search.volumes());
    found.extend(search.others());
    found
}

/// The namespace that an object goes to.
fn here<'n>(id: &'n ResourceId, home: &'n str) -> &'n str {
    if id.namespace.is_empty() { home } else { &id.namespace }
}

/// What runs, and what is made.
struct Search<'b> {
    committed: &'b Bundle,
    fresh: &'b Bundle,
    objects: &'b Inventory,
    setting: Setting<'b>,
    /// By kind, namespace and name.
    stated: BTreeSet<(&'b str, &'b str, &'b str)>,
}

impl<'b> Search<'b> {
    fn is_stated(&self, id: &ResourceId) -> bool {
        self.stated.contains(&(id.kind.as_str(), id.namespace.as_str(), id.name.as_str()))
    }

    /// The sets of both bundles.
    fn sets(&self) -> impl Iterator<Item = &'b Resource> {
        self.fresh.of_kind("StatefulSet").chain(self.committed.of_kind("StatefulSet"))
    }

    /// The set, with its templates, that a claim of a name is of.
    fn set_of(&self, namespace: &str, claim: &str) -> Option<&'b Resource> {
        let base = numbered(claim).filter(|numbered| numbered.ordinal.is_some())?.base;
        let is_of =
            |set: &&Resource| Set(set).templates().any(|(template, _)| claim_base(template, &set.id.name) == base);
        self.sets().filter(|set| here(&set.id, self.setting.namespace) == namespace).find(is_of)
    }

    /// The namespaces of what is made.
    fn namespaces(&self) -> BTreeSet<&'b str> {
        self.stated.iter().map(|(_, namespace, _)| *namespace).filter(|namespace| !namespace.is_empty()).collect()
    }

    /// The claims of a set, those of the fresh one first, and each once.
    fn claims_of_sets(&self) -> Vec<(&'b Resource, &'b Arc<Object>)> {
        let mut seen = BTreeSet::new();
        let all = self.sets().flat_map(|set| {
            let namespace = here(&set.id, self.setting.namespace);
            Set(set).claims_among(self.objects, namespace).map(move |claim| (set, claim))
        });
        all.filter(|(_, claim)| !self.is_stated(claim.id()) && seen.insert(claim.id())).collect()
    }

    /// Claims of replicas that there are none of.
    fn claims(&self) -> Vec<Orphan> {
        let mut found = Vec::new();
        for (set, claim) in self.claims_of_sets() {
            let (namespace, name) = (claim.id().namespace.as_str(), claim.id().name.as_str());
            if self.set_of(namespace, name).is_none() {
                continue;
            }
            let ordinal = numbered(name).and_then(|numbered| numbered.ordinal);
            let has = |set: &Resource| ordinal.is_some_and(|ordinal| Set(set).ordinals().contains(&ordinal));
            let is_mounted = || {
                let pods = self.objects.of("Pod", namespace).iter().map(|pod| &pod.resource().node);
                pods.flat_map(claim_names).any(|mounted| mounted == name)
            };
            if self.fresh.get(&set.id).is_some_and(has) || is_mounted() {
                continue;
            }
            let claim = claim.resource();
            let volume = text(&claim.node, &["spec", "volumeName"]);
            let volumes = self.objects.of("PersistentVolume", namespace);
            let reclaim = volumes
                .iter()
                .rfind(|one| one.id().name == volume)
                .map(|volume| text(&volume.resource().node, &["spec", "persistentVolumeReclaimPolicy"]).to_owned());
            let size = ["status", "spec"].into_iter().find_map(|part| size(&claim.node, part));
            let what = What::Claim {
                set: set.id.to_string(),
                size: size.unwrap_or_default(),
                class: text(&claim.node, &["spec", "storageClassName"]).to_owned(),
                volume: reclaim.map(|reclaim| (volume.to_owned(), reclaim)),
            };
            found.push(Orphan { id: claim.id.clone(), what, at: self.setting.home });
        }
        found
    }

    /// Volumes whose claims are gone.
    fn volumes(&self) -> Vec<Orphan> {
        let mut found = Vec::new();
        let volumes =
            self.namespaces().into_iter().flat_map(|namespace| self.objects.of("PersistentVolume", namespace));
        for volume in volumes.filter(|volume| !self.is_stated(volume.id())) {
            let Some(claim) = claim_ref(volume.outline()) else { continue };
            let (namespace, name) = (text(claim, &["namespace"]), text(claim, &["name"]));
            if text(volume.outline(), &["status", "phase"]) != "Released" || self.set_of(namespace, name).is_none() {
                continue;
            }
            let volume = volume.resource();
            let what = What::Volume {
                claim: format!("{namespace}/{name}"),
                size: text(&volume.node, &["spec", "capacity", "storage"]).to_owned(),
                reclaim: text(&volume.node, &["spec", "persistentVolumeReclaimPolicy"]).to_owned(),
            };
            found.push(Orphan { id: volume.id.clone(), what, at: self.setting.home });
        }
        found
    }

    /// Objects with the labels of the app.
    fn others(&self) -> Vec<Orphan> {
        fn label<'n>(node: &'n Node, name: &str) -> &'n str {
            text(node, &["metadata", "labels", name])
        }
        const KNOWN: [&str; 6] =
            ["Pod", "PersistentVolume", "PersistentVolumeClaim", "EndpointSlice", "Endpoints", "ControllerRevision"];
        let own = self.fresh.resources.iter().chain(&self.committed.resources).map(|one| &one.node);
        let apps: BTreeSet<&str> = own
            .filter(|node| label(node, MANAGED) == US)
            .map(|node| label(node, NAME))
            .filter(|name| !name.is_empty())
            .collect();
        let is_orphan = |one: &&Arc<Object>| {
            one.label(MANAGED) == US
                && apps.contains(one.label(NAME))
                && !KNOWN.contains(&one.id().kind.as_str())
                && !self.is_stated(one.id())
                && one.resource().node.find(&["metadata", "ownerReferences"]).is_none()
        };
        let orphan = |one: &Arc<Object>| Orphan { id: one.id().clone(), what: What::Object, at: self.setting.home };
        let places = self.namespaces().into_iter().chain([""]);
        places.flat_map(|namespace| self.objects.within(namespace)).filter(is_orphan).map(orphan).collect()
    }
}

fn size(claim: &Node, part: &str) -> Option<String> {
    let path: &[&str] = match part {
        "status" => &["status", "capacity", "storage"],
        _ => &["spec", "resources", "requests", "storage"],
    };
    claim.find(path).and_then(crate::block::scalar_text).map(|text| text.to_string())
}
