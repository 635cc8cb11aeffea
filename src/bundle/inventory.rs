//! The objects of a whole cluster, by kind and namespace, each read when somebody asks for it: of a dump with everybody's
//! objects, a review of one app needs few. Knows which fields say where an object belongs, and no kind's rules.

use super::pieces::{Piece, pieces};
use super::{Bundle, Resource, ResourceId, read};
use crate::budget;
use crate::diagnostic::Diagnostics;
use crate::parallel;
use crate::source::{At, SourceId, Sources};
use crate::value::{Node, Text};
use crate::yaml::{self, Field};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The labels that say whose an object is.
const LABELS: &[Field] = &[Field("app.kubernetes.io/managed-by", &[]), Field("app.kubernetes.io/name", &[])];

/// What is read of every object: where it belongs, what it is known by, and what pods, claims and volumes say to those
/// who are not their neighbours.
static OUTLINE: &[Field] = &[
    Field("apiVersion", &[]),
    Field("kind", &[]),
    Field("metadata", &[Field("name", &[]), Field("namespace", &[]), Field("uid", &[]), Field("labels", LABELS)]),
    Field(
        "spec",
        &[
            Field("claimRef", &[Field("namespace", &[]), Field("name", &[])]),
            Field("nodeName", &[]),
            Field("overhead", &[]),
            Field("resources", &[]),
            Field("containers", &[Field("resources", &[])]),
            Field("initContainers", &[Field("resources", &[]), Field("restartPolicy", &[])]),
        ],
    ),
    Field("status", &[Field("phase", &[])]),
];

/// Objects of a cluster. A copy shares them.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    shelves: BTreeMap<Text, BTreeMap<Text, Shelf>>,
}

/// The objects of one kind in one namespace, in the order in which they came.
#[derive(Clone, Debug, Default)]
struct Shelf {
    objects: Vec<Arc<Object>>,
    /// Where each name is: of two objects of one name, the last.
    names: BTreeMap<Text, usize>,
}

/// One object, read as far as anybody has asked. As few of them are asked for, each keeps as little as it can.
#[derive(Debug)]
pub struct Object {
    id: ResourceId,
    is_printed: bool,
    /// Those of its labels that say whose it is.
    labels: Vec<(Text, Text)>,
    /// What a pod or a volume says to those who are not its neighbours; nothing of others.
    outline: Node,
    unread: Option<Piece>,
    whole: OnceLock<Resource>,
}

/// The kinds of which something is asked without the rest.
const OUTLINED: [&str; 2] = ["Pod", VOLUME];
const VOLUME: &str = "PersistentVolume";

impl Object {
    /// One that was read.
    #[must_use]
    pub fn read(resource: Resource) -> Self {
        let mut object = Self::of(&resource);
        object.outline = resource.node.clone();
        object.whole = resource.into();
        object
    }

    /// One that a server printed, which writes no field twice, so that it can be read later. `None` for any other, and for
    /// what is unusual in any way.
    #[must_use]
    pub fn printed(piece: &Piece) -> Option<Self> {
        let outline = Resource::new(piece.outline(OUTLINE)?).ok()?;
        let mut object = Self { unread: Some(piece.clone()), ..Self::of(&outline) };
        let is_one = !object.id.name.is_empty() && !object.id.kind.ends_with("List");
        if OUTLINED.contains(&object.id.kind.as_str()) {
            object.outline = outline.node;
            object.outline.shrink_to_fit();
        }
        (object.is_printed && is_one).then_some(object)
    }

    /// What is known of it by a part of it.
    fn of(resource: &Resource) -> Self {
        let labels = resource.node.find(&["metadata", "labels"]).into_iter().flat_map(Node::entries);
        let own = labels.filter(|(key, _)| LABELS.iter().any(|label| key.name == label.0));
        let own = own.filter_map(|(key, value)| Some((key.name.clone(), value.as_str()?.into())));
        Self {
            id: resource.id.clone(),
            is_printed: resource.node.find(&["metadata", "uid"]).is_some(),
            labels: own.collect(),
            outline: Node::null(resource.at()),
            unread: None,
            whole: OnceLock::new(),
        }
    }

    /// What it is called.
    #[must_use]
    pub const fn id(&self) -> &ResourceId {
        &self.id
    }

    /// Whether a server printed it: nobody writes a uid.
    #[must_use]
    pub const fn is_printed(&self) -> bool {
        self.is_printed
    }

    /// One of the labels that say whose it is; empty where it has none.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(label, _)| label == name).map_or("", |(_, value)| value)
    }

    /// A pod or a volume as far as it is always read: what a pod asks for and where it is, which claim a volume has.
    #[must_use]
    pub const fn outline(&self) -> &Node {
        &self.outline
    }

    /// All of it.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        self.whole.get_or_init(|| {
            let read = |piece: &Piece| {
                let node = piece.read(&mut Diagnostics::default()).flatten();
                node.or_else(|| piece.outline(OUTLINE)).and_then(|node| Resource::new(node).ok())
            };
            self.unread.as_ref().and_then(read).unwrap_or_else(|| Resource {
                id: self.id.clone(),
                api_version: String::new(),
                node: self.outline.clone(),
            })
        })
    }

    /// The namespace that it concerns: a volume is where its claim is.
    fn place(&self) -> &str {
        let of_claim = self.outline.find(&["spec", "claimRef", "namespace"]).and_then(Node::as_str);
        match self.id.kind.as_str() {
            VOLUME => of_claim.unwrap_or_default(),
            _ => &self.id.namespace,
        }
    }
}

impl From<Bundle> for Inventory {
    fn from(bundle: Bundle) -> Self {
        let mut inventory = Self::default();
        bundle.resources.into_iter().for_each(|resource| inventory.add(Arc::new(Object::read(resource))));
        inventory
    }
}

impl Inventory {
    /// Reads the objects of some texts, as manifests are read. Whatever a server printed is read as far as it is needed.
    pub fn of_texts(sources: &Sources, ids: &[SourceId], found: &mut Diagnostics) -> Self {
        let mut all = Vec::new();
        for id in ids {
            let pieces = pieces(sources, *id, None);
            if pieces.is_empty() {
                read::documents(sources, *id, found);
            }
            all.extend(pieces.into_iter().map(|piece| (*id, piece)));
        }
        if let Some((id, _)) = all.get(budget::OBJECTS) {
            yaml::LIMIT
                .report(format!("a cluster of {} objects is too large; the limit is {}", all.len(), budget::OBJECTS))
                .at(At::top(*id), found);
            return Self::default();
        }
        let read = parallel::map(&all, |(id, piece)| {
            let (mut own, mut bundle) = (Diagnostics::default(), Bundle::default());
            let printed = Object::printed(piece);
            if printed.is_none() {
                read::piece(&sources.get(*id).name, piece, &mut bundle, &mut own);
            }
            (printed, bundle, own)
        });
        let mut inventory = Self::default();
        for (printed, bundle, own) in read {
            let whole = bundle.resources.into_iter().map(Object::read);
            printed.into_iter().chain(whole).for_each(|object| inventory.add(Arc::new(object)));
            found.extend(own);
        }
        if let (Some((namespace, count)), Some(id)) = (inventory.crowded(), ids.first()) {
            yaml::LIMIT
                .report(format!(
                    "namespace `{namespace}` of this cluster has {count} objects; the limit is {}",
                    budget::NEIGHBOURS
                ))
                .at(At::top(*id), found);
            return Self::default();
        }
        inventory
    }

    /// Puts an object to its like.
    pub fn add(&mut self, object: Arc<Object>) {
        let (kind, place) = (Text::new(&object.id().kind), Text::new(object.place()));
        let shelf = self.shelves.entry(kind).or_default().entry(place).or_default();
        shelf.names.insert(Text::new(&object.id().name), shelf.objects.len());
        shelf.objects.push(object);
    }

    /// A namespace with more objects than can be played together, and how many.
    #[must_use]
    pub fn crowded(&self) -> Option<(&str, usize)> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, shelf) in self.shelves.values().flatten() {
            *counts.entry(place).or_default() += shelf.objects.len();
        }
        counts.into_iter().find(|(_, count)| *count > budget::NEIGHBOURS)
    }

    /// Takes in those of another.
    pub fn extend(&mut self, more: &Self) {
        more.all().for_each(|object| self.add(Arc::clone(object)));
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shelves.is_empty()
    }

    /// All of them, by kind, then by namespace.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.shelves.values().flat_map(BTreeMap::values).flat_map(|shelf| &shelf.objects)
    }

    /// Those of a kind, by namespace.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Arc<Object>> {
        self.shelves.get(kind).into_iter().flat_map(BTreeMap::values).flat_map(|shelf| &shelf.objects)
    }

    /// Those that concern a namespace, by kind; of none, those that concern all.
    pub fn within<'i>(&'i self, namespace: &'i str) -> impl Iterator<Item = &'i Arc<Object>> {
        self.shelves.values().filter_map(move |places| places.get(namespace)).flat_map(|shelf| &shelf.objects)
    }

    /// Those of a kind that concern a namespace.
    #[must_use]
    pub fn of<'i>(&'i self, kind: &str, namespace: &str) -> &'i [Arc<Object>] {
        let shelf = self.shelves.get(kind).and_then(|places| places.get(namespace));
        shelf.map_or(&[], |shelf| &shelf.objects)
    }

    /// One of them: of two of one name, the last.
    #[must_use]
    pub fn get(&self, id: &ResourceId) -> Option<&Object> {
        let one = |shelf: &'_ Shelf| shelf.names.get(id.name.as_str()).copied();
        let places = self.shelves.get(id.kind.as_str())?;
        // A volume is where its claim is, which whoever asks for it need not know.
        let anywhere = || places.values().filter(|_| id.kind == VOLUME).find_map(|shelf| Some((shelf, one(shelf)?)));
        let here = places.get(id.namespace.as_str()).and_then(|shelf| Some((shelf, one(shelf)?)));
        let (shelf, place) = here.or_else(anywhere)?;
        let object = &shelf.objects[place];
        (object.id().group == id.group).then_some(object)
    }

    /// Those of a kind that concern a namespace and whose names begin so, by name.
    pub fn beginning<'i>(
        &'i self,
        kind: &str,
        namespace: &str,
        beginning: String,
    ) -> impl Iterator<Item = &'i Arc<Object>> {
        let shelf = self.shelves.get(kind).and_then(|places| places.get(namespace));
        let from = shelf.map(|shelf| (shelf, shelf.names.range(Text::new(&beginning)..)));
        let names = from.into_iter().flat_map(|(shelf, names)| names.map(move |(name, place)| (shelf, name, place)));
        names
            .take_while(move |(_, name, _)| name.starts_with(&beginning))
            .map(|(shelf, _, place)| &shelf.objects[*place])
    }

    /// All of them, read.
    #[must_use]
    pub fn bundle(&self) -> Bundle {
        read_ahead(self.all());
        Bundle::from(self.all().map(|object| object.resource().clone()).collect::<Vec<_>>())
    }
}

/// Reads objects on all processors, for somebody who needs all of them.
pub fn read_ahead<'i>(objects: impl Iterator<Item = &'i Arc<Object>>) {
    let unread: Vec<&Arc<Object>> =
        objects.filter(|object| object.unread.is_some() && object.whole.get().is_none()).collect();
    parallel::map(&unread, |object| {
        let _ = object.resource();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dump of a set's claim, the volume that it has, another that none has, and a manifest of somebody.
    const DUMP: &str = "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-a-1, namespace: x, uid: u1, labels: {app.kubernetes.io/name: a, b: c}}
spec: {volumeName: v}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: v, uid: u2}
spec: {claimRef: {namespace: x, name: data-a-1}, csi: {driver: d}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: free, uid: u3}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-a-10, namespace: x, uid: u4}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: m, namespace: x}
data: {a: b}
";

    fn read(text: &str) -> (Inventory, usize) {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let id = sources.add("dump.yaml", text);
        let inventory = Inventory::of_texts(&sources, &[id], &mut found);
        (inventory, found.resolve(&sources).len())
    }

    fn id(group: &str, kind: &str, namespace: &str, name: &str) -> ResourceId {
        let [group, kind, namespace, name] = [group, kind, namespace, name].map(Text::new);
        ResourceId { group, kind, namespace, name }
    }

    #[test]
    fn objects_are_found_where_they_belong_and_read_when_they_are_needed() {
        let (inventory, findings) = read(DUMP);
        assert_eq!((inventory.all().count(), findings), (5, 0));
        let volume = inventory.get(&id("", VOLUME, "", "v")).unwrap();
        assert!(volume.whole.get().is_none() && volume.is_printed(), "it was read before anybody asked");
        assert_eq!(volume.resource().node.find(&["spec", "csi", "driver"]).and_then(Node::as_str), Some("d"));
        assert!(inventory.get(&id("", VOLUME, "", "free")).is_some());
        assert!(inventory.get(&id("apps", VOLUME, "", "v")).is_none());
        assert!(inventory.get(&id("", "PersistentVolumeClaim", "", "data-a-1")).is_none());
        let claim = inventory.get(&id("", "PersistentVolumeClaim", "x", "data-a-1")).unwrap();
        assert_eq!((claim.label("app.kubernetes.io/name"), claim.label("b")), ("a", ""));
        let beginning: Vec<&str> = inventory
            .beginning("PersistentVolumeClaim", "x", "data-a-".to_owned())
            .map(|claim| claim.id().name.as_str())
            .collect();
        assert_eq!(beginning, ["data-a-1", "data-a-10"]);
        let within: Vec<&str> = inventory.within("x").map(|object| object.id().name.as_str()).collect();
        assert_eq!(within, ["m", "v", "data-a-1", "data-a-10"]);
        assert_eq!(inventory.bundle().resources.len(), 5);
    }

    #[test]
    fn a_list_is_read_as_its_items_are() {
        let item = |text: &str| text.replace('\n', "\n  ");
        let items: Vec<String> = DUMP.split("---\n").map(|one| format!("- {}\n", item(one).trim_end())).collect();
        let items = items.concat();
        let (inventory, findings) = read(&format!("apiVersion: v1\nkind: List\nitems:\n{items}"));
        assert_eq!((inventory.all().count(), findings), (5, 0));
        let twice =
            format!("apiVersion: v1\nkind: List\nitems:\n{items}---\napiVersion: v1\nkind: List\nitems:\n{items}");
        let (inventory, findings) = read(&twice);
        let is_unread = |object: &&Arc<Object>| object.unread.is_some();
        assert_eq!((inventory.all().count(), inventory.all().filter(is_unread).count(), findings), (10, 8, 0));
        let (_, findings) = read("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n- just text\n");
        assert_eq!(findings, 1);
    }
}
