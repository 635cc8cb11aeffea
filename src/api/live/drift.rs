//! What others made of a live object: fields that are otherwise than its manifest says, that it does not say, or that are
//! gone, each with the manager that the server has noted for it. Says nothing of what is allocated or filled in.
//!
//! Follows `k8s.io/apimachinery/pkg/util/managedfields/internal`: who changes a field owns it from then on.

use super::CLIENT_SIDE;
use super::place::Place;
use crate::api::change::as_sent;
use crate::api::custom::Customs;
use crate::api::server_side::compare::{Differences, differences, fields};
use crate::api::server_side::kind::Kind;
use crate::api::server_side::managers::{self, Manager, NOTE};
use crate::api::server_side::paths::{Paths, Step};
use crate::api::{server_side, way};
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::value::{Node, Text};

/// Who changed a field, as far as the server has noted it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    /// `kubectl-edit`
    pub manager: Text,
    /// `scale`; empty for the object itself.
    pub subresource: Text,
    /// When it last changed a field of the object; empty where that is not noted.
    pub time: Text,
    /// Whether it is who applies the object: then it was applied from another manifest.
    pub is_applier: bool,
}

/// How a field is otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// It has another value than the manifest makes it have.
    Changed,
    /// The manifest does not make it.
    Added,
    /// The manifest states it, and it is gone.
    Removed,
    /// It is as the manifest says, and somebody else manages it.
    Held,
}

/// A field that somebody else made otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Where.
    pub place: Place,
    /// How.
    pub sort: Sort,
    /// Whether the manifest states it, and does not leave it to the server.
    pub is_stated: bool,
    /// Who did it; nothing where the server has noted nobody: who takes a field away leaves no trace.
    pub by: Option<Who>,
    /// What the manifest makes of it.
    pub wanted: Option<Node>,
    /// What it is.
    pub live: Option<Node>,
}

/// What is otherwise about an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drift {
    /// Its fields.
    pub fields: Vec<Field>,
    /// kubectl applied it, and the note of what it applied is gone: the next client-side apply takes nothing away.
    pub is_unnoted: bool,
    /// It is being deleted: since when.
    pub ending: Option<Text>,
    /// Nobody has applied it, or somebody else than `kubectl apply` did, which has left its note on it: who.
    pub made_by: Option<Who>,
}

impl Drift {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty() && !self.is_unnoted && self.ending.is_none() && self.made_by.is_none()
    }
}

/// Where an object's manifest comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was applied.
    Applied,
    /// A controller made it of a template.
    Template,
}

/// Who writes for the cluster itself: what it adds to an object is its work.
const OF_THE_CLUSTER: [&str; 5] =
    ["kube-controller-manager", "kube-scheduler", "kubelet", "cloud-controller-manager", "kube-apiserver"];

/// Annotations of controllers.
pub(crate) const OF_CONTROLLERS: [&str; 4] =
    ["pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/", "deployment.kubernetes.io/"];

/// Fields that are allocated where a manifest does not say them, by kind.
pub(crate) const ALLOCATED: [(&str, &[&str]); 6] = [
    ("Service", &["spec", "clusterIP"]),
    ("Service", &["spec", "clusterIPs"]),
    ("PersistentVolumeClaim", &["spec", "volumeName"]),
    ("PersistentVolume", &["spec", "claimRef", "uid"]),
    ("PersistentVolume", &["spec", "claimRef", "resourceVersion"]),
    ("ServiceAccount", &["secrets"]),
];

/// What of its metadata may be written.
const METADATA: [&str; 4] = ["labels", "annotations", "finalizers", "ownerReferences"];

/// What is otherwise about a live object than its manifest makes it.
#[must_use]
pub fn drift(live: &Node, manifest: &Node, origin: Origin, customs: &Customs, version: Version) -> Drift {
    server_side::with_kind(manifest, customs, version, |kind| {
        let managers = Manager::read(live);
        let own = match origin {
            Origin::Applied => managers::applier(&managers),
            Origin::Template => managers.iter().find(|manager| manager.subresource.is_empty()),
        };
        let ledger = Ledger { managers: &managers, own, live };
        let mut drift = Drift {
            ending: text(live, &["metadata", "deletionTimestamp"]).filter(|time| !time.is_empty()).map(Into::into),
            ..Drift::default()
        };
        let last = managers::noted(live);
        let is_client = own.is_some_and(|own| own.name == CLIENT_SIDE && !own.applies);
        drift.is_unnoted = origin == Origin::Applied && is_client && last.is_none();
        if origin == Origin::Applied {
            let maker = || managers.iter().find(|manager| manager.subresource.is_empty());
            let is_taken = |own: &&Manager| own.applies && own.name != managers::KUBECTL && last.is_some();
            let other = own.map_or_else(maker, |own| Some(own).filter(is_taken));
            drift.made_by = other.map(|other| ledger.who(other));
        }
        let mut applied = last.as_ref().map(|last| managers::owned(last, kind)).unwrap_or_default();
        if let Some(own) = own.filter(|own| own.applies) {
            applied.add(&own.fields);
        }
        let wanted = way::create(Way::Client, manifest, customs, version).object;
        let wanted = as_sent(wanted.as_ref().unwrap_or(manifest), version);
        let live = as_sent(live, version);
        let compared =
            Compared { wanted: &wanted, live: &live, stated: managers::owned(manifest, kind), applied, kind };
        drift.fields = compared.fields(&ledger, drift.made_by.is_some());
        drift
    })
}

/// Who manages what of an object.
struct Ledger<'m> {
    managers: &'m [Manager],
    /// Who applies it.
    own: Option<&'m Manager>,
    live: &'m Node,
}

impl<'m> Ledger<'m> {
    fn is_own(&self, manager: &Manager) -> bool {
        self.own.is_some_and(|own| std::ptr::eq(own, manager))
    }

    /// Who manages a field: others before who applies the object.
    fn owner(&self, place: &Place) -> Option<&'m Manager> {
        let mut owners =
            self.managers.iter().filter(|manager| manager.subresource != "status" && place.is_in(&manager.fields));
        let first = owners.clone().find(|manager| !self.is_own(manager));
        first.or_else(|| owners.next())
    }

    fn who(&self, manager: &Manager) -> Who {
        let entries = self.live.find(&["metadata", "managedFields"]).into_iter().flat_map(Node::items);
        let says = |entry: &Node, key: &str| entry.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
        let is_it = |entry: &&Node| {
            says(entry, "manager") == manager.name.as_str()
                && says(entry, "subresource") == manager.subresource.as_str()
                && (says(entry, "operation") == "Apply") == manager.applies
        };
        let time = entries.into_iter().find(is_it).map(|entry| says(entry, "time")).unwrap_or_default();
        Who {
            manager: manager.name.clone(),
            subresource: manager.subresource.clone(),
            time: time.into(),
            is_applier: self.is_own(manager),
        }
    }
}

/// An object as it should be, and as it is.
struct Compared<'n> {
    wanted: &'n Node,
    live: &'n Node,
    /// What the manifest states.
    stated: Paths,
    /// What was applied last.
    applied: Paths,
    kind: Kind<'n>,
}

impl Compared<'_> {
    fn fields(&self, ledger: &Ledger<'_>, is_foreign: bool) -> Vec<Field> {
        let Differences { mut removed, mut modified, mut added } = differences(self.wanted, self.live, self.kind);
        for fields in [&mut removed, &mut modified, &mut added] {
            for step in ["apiVersion", "kind", "status"] {
                fields.cut(&Step::Field(Text::new_static(step)));
            }
        }
        let mut found = Vec::new();
        for place in Place::outermost(&modified) {
            found.push(self.field(place, Sort::Changed, ledger));
        }
        for place in Place::outermost(&removed).into_iter().filter(|place| place.is_touched_by(&self.stated)) {
            found.push(self.field(place, Sort::Removed, ledger));
        }
        for place in self.additions(&added, ledger) {
            found.push(self.field(place, Sort::Added, ledger));
        }
        if !is_foreign {
            let is_new = |place: &Place| {
                !found.iter().any(|field: &Field| field.place.holds(place) || place.holds(&field.place))
            };
            let held: Vec<Place> = self.held(ledger).into_iter().filter(is_new).collect();
            found.extend(held.into_iter().map(|place| self.field(place, Sort::Held, ledger)));
        }
        found.retain(|field| Self::is_writable(&field.place) && !self.is_work_of_the_cluster(field));
        found.sort_by(|one, other| one.place.cmp(&other.place));
        found
    }

    /// What is there besides, and somebody put it there: what nobody owns was filled in or allocated.
    fn additions(&self, added: &Paths, ledger: &Ledger<'_>) -> Vec<Place> {
        let is_put = |place: &Place| match ledger.owner(place) {
            Some(owner) if ledger.is_own(owner) => place.is_in(&self.applied),
            Some(_) => true,
            None => false,
        };
        let mut kept: Vec<Place> = Vec::new();
        let mut places = Place::all(added);
        // Labels, annotations and finalizers are one another's neighbours, not parts of a whole.
        places.retain(|place| place.0.len() > 2 || !place.is_within(&["metadata"]));
        places.sort();
        for place in places.into_iter().filter(is_put) {
            if kept.last().is_none_or(|last| !last.holds(&place)) {
                kept.push(place);
            }
        }
        kept
    }

    /// What is as it should be, and who applies it has to share or has lost it.
    fn held(&self, ledger: &Ledger<'_>) -> Vec<Place> {
        let others =
            ledger.managers.iter().filter(|manager| !ledger.is_own(manager) && manager.subresource != "status");
        let mut theirs = Paths::default();
        others.for_each(|manager| theirs.add(&manager.fields));
        let there = fields(self.live, self.kind);
        let held = theirs.intersection(&self.stated).intersection(&there);
        let leaves = Place::all(&held);
        let is_leaf = |place: &&Place| !leaves.iter().any(|other| other != *place && place.holds(other));
        leaves.iter().filter(is_leaf).cloned().collect()
    }

    fn field(&self, place: Place, sort: Sort, ledger: &Ledger<'_>) -> Field {
        let is_stated = place.is_touched_by(&self.stated);
        let by = ledger.owner(&place).map(|owner| ledger.who(owner));
        let (wanted, live) = (place.of(self.wanted).cloned(), place.of(self.live).cloned());
        Field { place, sort, is_stated, by, wanted, live }
    }

    /// Whether anybody but the server writes it.
    fn is_writable(place: &Place) -> bool {
        !place.is_within(&["metadata"]) || METADATA.iter().any(|field| place.is_within(&["metadata", field]))
    }

    /// Whether it is what the cluster itself does to such objects.
    fn is_work_of_the_cluster(&self, field: &Field) -> bool {
        let place = &field.place;
        if place.is_within(&["metadata", "annotations"]) {
            let Some(Step::Field(name)) = place.0.get(2) else { return field.sort == Sort::Added };
            return name == NOTE || OF_CONTROLLERS.iter().any(|prefix| name.starts_with(prefix));
        }
        if place.is_within(&["metadata", "finalizers"]) {
            let Some(Step::Value(value)) = place.0.get(2) else { return field.sort == Sort::Added };
            return value.to_string().trim_start_matches('"').starts_with("kubernetes.io/");
        }
        let kind = text(self.live, &["kind"]).unwrap_or_default();
        let is_port = matches!(place.0.last(), Some(Step::Field(name)) if ["nodePort", "healthCheckNodePort"].contains(&name.as_str()));
        let is_allocated = kind == "Service" && is_port && field.by.is_none()
            || ALLOCATED.iter().any(|(of, path)| *of == kind && place.is_within(path));
        let is_of_the_cluster = field
            .by
            .as_ref()
            .is_some_and(|by| OF_THE_CLUSTER.contains(&by.manager.as_str()) && by.subresource.is_empty());
        !field.is_stated && (is_allocated || is_of_the_cluster)
    }
}

fn text<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    node.find(path).and_then(Node::as_str)
}
