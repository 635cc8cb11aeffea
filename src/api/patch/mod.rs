//! Strategic merge patches: what `kubectl apply` computes of three objects, and what the server makes of it. Knows the
//! forms of types, but no rule and no default.
//!
//! Follows `staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go: CreateThreeWayMergePatch,
//! StrategicMergePatch`.

mod compare;
pub(crate) mod json;
mod merge;
pub(crate) mod merge_patch;
mod order;

use crate::k8s::shape::{self, Form, Shape};
use crate::value::{Data, Map, Node};
use compare::Differences;
use merge::Onto;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList";
const ORDER: &str = "$setElementOrder";

/// Why a patch can be neither computed nor applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub String);

type Outcome<T> = Result<T, Fault>;

/// The patch that `kubectl apply` sends: what changed between the live object and the new manifest, and what went since
/// the last applied one. Empty when there is nothing to send.
///
/// # Errors
/// When kubectl cannot compute it, and gives up before any server is asked.
pub(crate) fn three_way(last_applied: &Map, live: &Map, manifest: &Map, shape: Option<Shape>) -> Outcome<Map> {
    let kind = shape.map_or(Type::Any, Type::Struct);
    let changes = Differences { deletions: false, changes: true, retain_keys: false };
    let deletions = Differences { deletions: true, changes: false, retain_keys: false };
    let delta = compare::maps(live, manifest, kind, changes)?;
    let mut patch = compare::maps(last_applied, manifest, kind, deletions)?;
    merge::maps(&mut patch, delta, kind, Onto::Patch)?;
    let unchangeable = |patch: &Map| {
        ["apiVersion", "kind"].into_iter().find(|key| patch.has(key)).or_else(|| {
            let name = patch.get("metadata").and_then(|metadata| metadata.get("name"));
            name.map(|_| "metadata.name")
        })
    };
    match unchangeable(&patch) {
        Some(key) => Err(Fault(format!("precondition failed: {key} must not change"))),
        None => Ok(patch),
    }
}

/// What the server makes of an object and a patch.
///
/// # Errors
/// When the patch does not fit the object.
pub(crate) fn onto(mut object: Map, patch: Map, shape: Option<Shape>) -> Outcome<Map> {
    merge::maps(&mut object, patch, shape.map_or(Type::Any, Type::Struct), Onto::Object)?;
    Ok(object)
}

fn fault<T>(text: impl Into<String>) -> Outcome<T> {
    Err(Fault(text.into()))
}

/// What is known of the value at hand.
#[derive(Clone, Copy)]
enum Type {
    Struct(Shape),
    /// A map of any keys, or no map at all.
    Other,
    /// Nothing is known: maps are merged, lists replaced.
    Any,
}

/// What patches know of a field.
#[derive(Clone, Copy)]
struct Field {
    /// The type of its value, or of its items.
    inner: Type,
    /// Whether it can hold a list.
    list: bool,
    known: Option<&'static shape::Field>,
}

impl Field {
    const ANY: Self = Self { inner: Type::Any, list: true, known: None };

    /// What tells two items of the list apart; empty where nothing does.
    fn key(self) -> &'static str {
        self.known.and_then(|field| field.merge_key).unwrap_or_default()
    }

    /// Whether lists are merged item by item.
    fn merges(self) -> bool {
        self.known.is_some_and(shape::Field::merges)
    }

    /// Whether a patch names the keys that stay.
    fn retains_keys(self) -> bool {
        self.known.is_some_and(shape::Field::retains_keys)
    }

    /// Whether a map is sent whole each time and takes the place of the old one.
    fn replaces(self) -> bool {
        self.known.is_some_and(shape::Field::replaces)
    }
}

impl Type {
    fn of(form: &'static Form) -> Self {
        match form {
            Form::Struct(link) => link.shape().map_or(Self::Any, Self::Struct),
            Form::Any | Form::Raw => Self::Any,
            _ => Self::Other,
        }
    }
}

fn field_of(kind: Type, key: &str) -> Outcome<Field> {
    match kind {
        Type::Any => Ok(Field::ANY),
        Type::Other => fault("merging an object in json but data type is not struct"),
        Type::Struct(shape) => {
            let Some(field) = shape.field(key) else {
                return fault(format!(
                    "unable to find api field in struct {} for the json field {key:?}",
                    shape.go_name()
                ));
            };
            let (inner, list) = match &field.form {
                Form::List(item) => (Type::of(item), true),
                form => (Type::of(form), matches!(Type::of(form), Type::Any)),
            };
            Ok(Field { inner, list, known: Some(field) })
        }
    }
}

/// The same for a field that holds a list.
fn list_field_of(kind: Type, key: &str) -> Outcome<Field> {
    let field = field_of(kind, key)?;
    if field.list { Ok(field) } else { fault(format!("expected slice or array type under {key:?}")) }
}

/// Whether two values are of one type, so far as a patch can tell.
fn same_type(one: &Node, other: &Node) -> bool {
    std::mem::discriminant(&one.data) == std::mem::discriminant(&other.data)
}

/// A key as kubectl sorts it.
fn spelt(key: &Node) -> String {
    match &key.data {
        Data::Null => "<nil>".into(),
        Data::Bool(value) => value.to_string(),
        Data::Int(value) => value.to_string(),
        Data::Float(value) => value.to_string(),
        Data::Text(text) => text.to_string(),
        Data::List(_) | Data::Map(_) => "map[]".into(),
    }
}

/// The one type of all items; none if there are no items.
fn item_type<'n>(items: impl Iterator<Item = &'n Node>) -> Outcome<Option<&'n Node>> {
    let mut first: Option<&Node> = None;
    for item in items {
        match (&item.data, first) {
            (Data::List(_), None) => return fault("lists of lists are not supported"),
            (Data::Null, _) => return fault("a list to merge holds nothing as an item"),
            (_, None) => first = Some(item),
            (_, Some(first)) if !same_type(first, item) => return fault("list element types are not identical"),
            _ => {}
        }
    }
    Ok(first)
}

const fn is_map(node: &Node) -> bool {
    matches!(node.data, Data::Map(_))
}

fn key_of<'n>(item: &'n Node, key: &str) -> Outcome<&'n Node> {
    let Some(map) = item.as_map() else { return fault("expected a map in a list that is merged by key") };
    map.get(key).map_or_else(|| fault(format!("map does not contain declared merge key: {key}")), Ok)
}

fn is_directive(item: &Node) -> bool {
    item.get(DIRECTIVE).is_some()
}

fn is_deletion(item: &Node) -> bool {
    item.get(DIRECTIVE).and_then(Node::as_str) == Some("delete")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::k8s::version::Version;
    use crate::source::Sources;
    use crate::yaml::{parts, read_part};

    fn read(text: &str) -> Map {
        let id = Sources::default().add("t", text);
        let node = read_part(id, text, parts(text)[0], &mut Diagnostics::default()).flatten().unwrap();
        node.as_map().cloned().unwrap()
    }

    /// A set whose pod has these fields.
    fn set(pod: &str) -> Map {
        let indented: String = pod.lines().map(|line| ["      ", line, "\n"].concat()).collect();
        read(&format!("apiVersion: apps/v1\nkind: StatefulSet\nspec:\n  template:\n    spec:\n{indented}"))
    }

    fn pod(set: &Map) -> &Node {
        set.get("spec").and_then(|spec| spec.find(&["template", "spec"])).unwrap()
    }

    fn shape() -> Option<Shape> {
        shape::shape_of("apps/v1", "StatefulSet", Version::NEWEST)
    }

    /// The patch between three pods, and what becomes of the live one.
    #[track_caller]
    fn apply(last: &str, live: &str, new: &str, patch: &str, result: &str) {
        let sent = three_way(&set(last), &set(live), &set(new), shape()).unwrap();
        assert_eq!(*pod(&sent), *pod(&set(patch)));
        let merged = onto(set(live), sent, shape()).unwrap();
        let names = |pod: &Node| {
            pod.get("containers").map(|list| list.items().map(|item| item.get("name").cloned()).collect::<Vec<_>>())
        };
        assert_eq!(*pod(&merged), *pod(&set(result)));
        assert_eq!(names(pod(&merged)), names(pod(&set(result))));
    }

    #[test]
    fn what_the_server_filled_in_stays_and_nothing_is_sent() {
        let new = "containers: [{name: a, image: x}]";
        let live = "containers: [{name: a, image: x, imagePullPolicy: Always}]\ndnsPolicy: ClusterFirst";
        assert!(three_way(&set(new), &set(live), &set(new), shape()).unwrap().is_empty());
    }

    #[test]
    fn items_are_told_apart_by_their_keys() {
        apply(
            "containers: [{name: a, image: x}, {name: b, image: z}]",
            "containers: [{name: a, image: x, tty: true}, {name: b, image: z}, {name: injected, image: z}]",
            "containers: [{name: c, image: w}, {name: a, image: x2}]",
            "$setElementOrder/containers: [{name: c}, {name: a}]\n\
             containers: [{name: c, image: w}, {name: a, image: x2}, {name: b, $patch: delete}]",
            "containers: [{name: c, image: w}, {name: a, image: x2, tty: true}, {name: injected, image: z}]",
        );
    }

    #[test]
    fn keys_that_went_are_taken_away_but_only_those_that_were_applied() {
        apply(
            "containers: [{name: a}]\nhostIPC: true\nhostPID: true",
            "containers: [{name: a}]\nhostIPC: true\nhostPID: true\nnodeName: n",
            "containers: [{name: a}]\nhostPID: true",
            "hostIPC: null",
            "containers: [{name: a}]\nhostPID: true\nnodeName: n",
        );
    }

    #[test]
    fn a_volume_with_another_source_loses_the_old_one() {
        apply(
            "volumes: [{name: v, emptyDir: {}}]",
            "volumes: [{name: v, emptyDir: {}}]",
            "volumes: [{name: v, secret: {secretName: s}}]",
            "$setElementOrder/volumes: [{name: v}]\n\
             volumes: [{name: v, $retainKeys: [name, secret], emptyDir: null, secret: {secretName: s}}]",
            "volumes: [{name: v, secret: {secretName: s}}]",
        );
    }

    #[test]
    fn two_items_of_one_key_become_one_when_they_come_later() {
        apply(
            "containers: [{name: a, image: x}]",
            "containers: [{name: a, image: x}]",
            "containers: [{name: a, image: x}, {name: b, image: z}, {name: b, tty: true}]",
            "$setElementOrder/containers: [{name: a}, {name: b}, {name: b}]\n\
             containers: [{name: b, tty: true}, {name: b, image: z}]",
            "containers: [{name: a, image: x}, {name: b, image: z, tty: true}]",
        );
    }

    #[test]
    fn lists_without_a_key_are_replaced() {
        apply(
            "tolerations: [{key: a}]",
            "tolerations: [{key: a}, {key: b}]",
            "tolerations: [{key: c}]",
            "tolerations: [{key: c}]",
            "tolerations: [{key: c}]",
        );
    }

    #[test]
    fn plain_values_are_deleted_one_by_one() {
        let object = |finalizers: &str| {
            read(&format!("apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{finalizers: {finalizers}}}"))
        };
        let sent = three_way(&object("[a, b]"), &object("[a, b, server]"), &object("[c, a]"), shape()).unwrap();
        let wanted = read(
            "metadata: {$setElementOrder/finalizers: [c, a], $deleteFromPrimitiveList/finalizers: [b], finalizers: \
                [c]}",
        );
        assert_eq!(sent, wanted);
        let merged = onto(object("[a, b, server]"), sent, shape()).unwrap();
        assert_eq!(merged, object("[c, a, server]"));
    }

    #[test]
    fn kinds_without_a_shape_merge_maps_and_replace_lists() {
        let custom = |spec: &str| read(&format!("apiVersion: x/v1\nkind: X\nspec: {spec}"));
        let sent =
            three_way(&custom("{a: 1, l: [1]}"), &custom("{a: 1, l: [1], s: 2}"), &custom("{l: [2]}"), None).unwrap();
        assert_eq!(sent, read("spec: {a: null, l: [2]}"));
        assert_eq!(onto(custom("{a: 1, l: [1], s: 2}"), sent, None).unwrap(), custom("{l: [2], s: 2}"));
    }

    #[test]
    fn items_without_their_key_cannot_be_merged() {
        let broken = three_way(
            &set("containers: [{name: a}]"),
            &set("containers: [{name: a}]"),
            &set("containers: [{image: x}]"),
            shape(),
        );
        assert_eq!(broken, Err(Fault("map does not contain declared merge key: name".into())));
    }
}
