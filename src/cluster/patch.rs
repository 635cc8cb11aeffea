//! Strategic merge patches: what `kubectl apply` computes of three objects, and what the server makes of it. Knows the forms of
//! types, but no rule and no default.

use crate::k8s::shape::{self, Form, Shape};
use crate::value::{Data, Key, Map, Node, Text};
use std::cmp::Ordering;
use std::collections::BTreeSet;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList";
const ORDER: &str = "$setElementOrder";

/// Why a patch can be neither computed nor applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub String);

type Outcome<T> = Result<T, Fault>;

/// Which differences count.
#[derive(Clone, Copy)]
struct Differences {
    /// Keys and items that went.
    deletions: bool,
    /// Keys and items that came or changed.
    changes: bool,
    /// Whether the patch of the map at hand names the keys that stay.
    retain_keys: bool,
}

/// What a patch is merged into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Onto {
    /// Another patch: directives are kept.
    Patch,
    /// An object: directives are obeyed, and nulls take things away.
    Object,
}

/// The patch that `kubectl apply` sends: what changed between the live object and the new manifest, and what went since the last
/// applied one. Empty when there is nothing to send.
///
/// # Errors
/// When kubectl cannot compute it, and gives up before any server is asked.
pub fn three_way(last_applied: &Map, live: &Map, manifest: &Map, shape: Option<Shape>) -> Outcome<Map> {
    let kind = shape.map_or(Type::Any, Type::Struct);
    let changes = Differences { deletions: false, changes: true, retain_keys: false };
    let deletions = Differences { deletions: true, changes: false, retain_keys: false };
    let delta = compare_maps(live, manifest, kind, changes)?;
    let mut patch = compare_maps(last_applied, manifest, kind, deletions)?;
    merge(&mut patch, delta, kind, Onto::Patch)?;
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
pub fn onto(mut object: Map, patch: Map, shape: Option<Shape>) -> Outcome<Map> {
    merge(&mut object, patch, shape.map_or(Type::Any, Type::Struct), Onto::Object)?;
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
                return fault(format!("unable to find api field in struct {} for the json field {key:?}", shape.go_name()));
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

/// Whether two keys are equal. Maps and lists cannot be keys: kubectl breaks down there.
fn same_key(one: &Node, other: &Node) -> Outcome<bool> {
    match (&one.data, &other.data) {
        (Data::Map(_), Data::Map(_)) | (Data::List(_), Data::List(_)) => fault("a merge key is no plain value"),
        (one, other) => Ok(one == other),
    }
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

// Comparing: two maps in, a patch out.

fn compare_maps(original: &Map, modified: &Map, kind: Type, differences: Differences) -> Outcome<Map> {
    let mut patch = Map::new();
    let mut retained = Vec::new();
    for (key, new) in modified.iter() {
        if differences.retain_keys && !new.is_null() {
            retained.push(Node::text(key.name.clone(), key.at));
        }
        let Some(old) = original.get(&key.name) else {
            if differences.changes {
                patch.set(key.clone(), new.clone());
            }
            continue;
        };
        if key.name == DIRECTIVE {
            compare_directives(key, old, new, &mut patch)?;
        } else if !same_type(old, new) {
            if differences.changes {
                patch.set(key.clone(), new.clone());
            }
        } else {
            match (&old.data, &new.data) {
                (Data::Map(old), Data::Map(inner)) => compare_inner(key, old, (new, inner), kind, differences, &mut patch)?,
                (Data::List(old), Data::List(items)) => compare_items(key, old, (new, items), kind, differences, &mut patch)?,
                _ if differences.changes && old != new => {
                    patch.set(key.clone(), new.clone());
                }
                _ => {}
            }
        }
    }
    let gone = || original.iter().filter(|(key, _)| !modified.has(&key.name));
    if differences.deletions {
        for (key, old) in gone() {
            patch.set(key.clone(), Node::null(old.at));
        }
    }
    if let Some(at) = retained.first().map(|key| key.at)
        && (!patch.is_empty() || gone().any(|(_, old)| !old.is_null()))
    {
        retained.sort_by_key(spelt);
        patch.put(RETAIN, Node::list(retained, at));
    }
    Ok(patch)
}

fn compare_directives(key: &Key, old: &Node, new: &Node, patch: &mut Map) -> Outcome<()> {
    let (Some(before), Some(after)) = (old.as_str(), new.as_str()) else {
        return fault(format!("invalid value for special key: {DIRECTIVE}"));
    };
    if before != after {
        patch.set(key.clone(), new.clone());
    }
    Ok(())
}

fn compare_inner(key: &Key, old: &Map, (new, inner): (&Node, &Map), kind: Type, differences: Differences, patch: &mut Map) -> Outcome<()> {
    let field = match field_of(kind, &key.name) {
        Ok(field) => field,
        Err(_) if old == inner => return Ok(()),
        Err(fault) => return Err(fault),
    };
    if field.replaces() {
        if differences.changes {
            patch.set(key.clone(), new.clone());
        }
        return Ok(());
    }
    let part = compare_maps(old, inner, field.inner, Differences { retain_keys: field.retains_keys(), ..differences })?;
    if !part.is_empty() {
        patch.set(key.clone(), Node::map(part, new.at));
    }
    Ok(())
}

fn compare_items(
    key: &Key,
    old: &[Node],
    (new, items): (&Node, &[Node]),
    kind: Type,
    differences: Differences,
    patch: &mut Map,
) -> Outcome<()> {
    let field = match list_field_of(kind, &key.name) {
        Ok(field) => field,
        Err(_) if old == items => return Ok(()),
        Err(fault) => return Err(fault),
    };
    if !field.merges() {
        if differences.changes && old != items {
            patch.set(key.clone(), new.clone());
        }
        return Ok(());
    }
    let lists = compare_lists(old, items, field, Differences { retain_keys: field.retains_keys(), ..differences })?;
    if !lists.patch.is_empty() {
        patch.set(key.clone(), Node::list(lists.patch, new.at));
    }
    for (prefix, list) in [(DELETE_FROM, lists.deleted), (ORDER, lists.order)] {
        if !list.is_empty() {
            patch.put(parallel(prefix, &key.name), Node::list(list, new.at));
        }
    }
    Ok(())
}

/// The key of a list that goes beside another: `$setElementOrder/containers`.
fn parallel(prefix: &str, key: &str) -> Text {
    format!("{prefix}/{key}").into()
}

#[derive(Default)]
struct ListPatch {
    /// Items that came or changed, then those to delete.
    patch: Vec<Node>,
    /// Plain values to delete.
    deleted: Vec<Node>,
    /// The order that the list is to have.
    order: Vec<Node>,
}

fn compare_lists(original: &[Node], modified: &[Node], field: Field, differences: Differences) -> Outcome<ListPatch> {
    if original.is_empty() {
        let patch = if differences.changes { modified.to_vec() } else { Vec::new() };
        return Ok(ListPatch { patch, ..ListPatch::default() });
    }
    let Some(first) = item_type(original.iter().chain(modified))? else { return Ok(ListPatch::default()) };
    if !is_map(first) {
        return Ok(compare_scalars(original, modified, differences));
    }
    let (patch, mut deleted) = compare_keyed(original, modified, field, differences)?;
    let mut patch = in_order(patch, modified, field.key())?;
    let same_order = has_same_order(original, modified, field.key())?;
    patch.append(&mut deleted);
    let any = !patch.is_empty();
    let ordered = (differences.changes && (any || !same_order)) || (differences.deletions && any);
    let order = if ordered { modified.iter().map(|item| bare(item, field.key())).collect() } else { Vec::new() };
    Ok(ListPatch { patch, deleted: Vec::new(), order })
}

/// An item with nothing but its key.
fn bare(item: &Node, key: &str) -> Node {
    let mut map = Map::new();
    if let Some(entry) = item.as_map().and_then(|map| map.entry(key)) {
        map.set(entry.0.clone(), entry.1.clone());
    }
    Node::map(map, item.at)
}

fn has_same_order(original: &[Node], modified: &[Node], key: &str) -> Outcome<bool> {
    if original.len() != modified.len() {
        return Ok(false);
    }
    for (old, new) in original.iter().zip(modified) {
        if !same_key(key_of(old, key)?, key_of(new, key)?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn compare_scalars(original: &[Node], modified: &[Node], differences: Differences) -> ListPatch {
    let (old, new) = (sorted(original), sorted(modified));
    let (mut added, mut deleted) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        match next(old.get(i).map(spelt), new.get(j).map(spelt)) {
            Ordering::Equal => (i, j) = (i + 1, j + 1),
            Ordering::Less => {
                if differences.deletions {
                    deleted.push(old[i].clone());
                }
                i += 1;
            }
            Ordering::Greater => {
                if differences.changes {
                    added.push(new[j].clone());
                }
                j += 1;
            }
        }
    }
    deduplicate(&mut deleted);
    let place = |node: &Node| modified.iter().position(|other| other == node);
    added.sort_by_key(place);
    // kubectl has sorted the live list by now, so an unsorted one counts as changed each time.
    let ordered = (differences.deletions && !deleted.is_empty()) || (differences.changes && old != modified);
    ListPatch { patch: added, deleted, order: if ordered { modified.to_vec() } else { Vec::new() } }
}

/// Which of two sorted lists is to go on: the one with the smaller key, or both.
fn next(old: Option<String>, new: Option<String>) -> Ordering {
    match (old, new) {
        (Some(old), Some(new)) => old.cmp(&new),
        (Some(_), None) => Ordering::Less,
        (None, _) => Ordering::Greater,
    }
}

fn sorted(items: &[Node]) -> Vec<Node> {
    let mut items = items.to_vec();
    items.sort_by_key(spelt);
    items
}

/// Leaves one of each value. The last takes the place of the one that goes, as kubectl does it.
fn deduplicate(items: &mut Vec<Node>) {
    let mut seen = BTreeSet::new();
    if items.iter().all(|item| seen.insert(spelt(item))) {
        return;
    }
    let mut i = 0;
    while i < items.len() {
        let mut j = i + 1;
        while j < items.len() {
            if items[i] == items[j] {
                items.swap_remove(j);
            } else {
                j += 1;
            }
        }
        i += 1;
    }
}

/// Items that came or changed, and directives for those that went.
fn compare_keyed(original: &[Node], modified: &[Node], field: Field, differences: Differences) -> Outcome<(Vec<Node>, Vec<Node>)> {
    let (old, new) = (by_key(original, field.key())?, by_key(modified, field.key())?);
    let (mut patch, mut deleted) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        match next(old.get(i).map(|(key, _)| key.clone()), new.get(j).map(|(key, _)| key.clone())) {
            Ordering::Equal => {
                let (before, after) = (old[i].1, new[j].1);
                if let (Data::Map(before), Data::Map(inner)) = (&before.data, &after.data) {
                    let mut part = compare_maps(before, inner, field.inner, differences)?;
                    if !part.is_empty() {
                        part.put(field.key(), key_of(after, field.key())?.clone());
                        patch.push(Node::map(part, after.at));
                    }
                }
                (i, j) = (i + 1, j + 1);
            }
            Ordering::Less => {
                if differences.deletions {
                    deleted.push(deletion(old[i].1, field.key())?);
                }
                i += 1;
            }
            Ordering::Greater => {
                if differences.changes {
                    patch.push(new[j].1.clone());
                }
                j += 1;
            }
        }
    }
    Ok((patch, deleted))
}

/// Items sorted by key; of equal ones the last comes first, as kubectl's sorting leaves them.
fn by_key<'n>(items: &'n [Node], key: &str) -> Outcome<Vec<(String, &'n Node)>> {
    let mut keyed = items.iter().rev().map(|item| Ok((spelt(key_of(item, key)?), item))).collect::<Outcome<Vec<_>>>()?;
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(keyed)
}

fn deletion(item: &Node, key: &str) -> Outcome<Node> {
    let mut map = Map::new();
    map.put(key, key_of(item, key)?.clone());
    map.put(DIRECTIVE, Node::text("delete", item.at));
    Ok(Node::map(map, item.at))
}

// Order: lists keep that of the manifest, and what only the server has is put between.

/// Where an item is in a list, by its key, or by itself where there is no key.
fn position(list: &[Node], item: &Node, key: &str) -> Outcome<Option<usize>> {
    for (index, other) in list.iter().enumerate() {
        let same = if key.is_empty() { same_key(item, other)? } else { same_key(key_of(item, key)?, key_of(other, key)?)? };
        if same {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Sorts items as they are in `order`; those to delete come last.
fn in_order(items: Vec<Node>, order: &[Node], key: &str) -> Outcome<Vec<Node>> {
    let mut placed = Vec::with_capacity(items.len());
    for item in items {
        let place = if !key.is_empty() && is_deletion(&item) {
            key_of(&item, key)?;
            usize::MAX
        } else {
            position(order, &item, key)?.map_or(0, |place| place + 1)
        };
        placed.push((place, item));
    }
    placed.sort_by_key(|(place, _)| *place);
    Ok(placed.into_iter().map(|(_, item)| item).collect())
}

/// Puts items that only the server has between those of the patch, by the order that the server knows.
fn interleave(server_only: Vec<Node>, patched: Vec<Node>, server_order: &[Node], key: &str) -> Outcome<Vec<Node>> {
    let mut all = Vec::with_capacity(server_only.len() + patched.len());
    let (mut left, mut right) = (server_only.into_iter().peekable(), patched.into_iter().peekable());
    while let (Some(server), Some(patch)) = (left.peek(), right.peek()) {
        let before = match (position(server_order, server, key)?, position(server_order, patch, key)?) {
            (Some(server), Some(patch)) => server < patch,
            _ => false,
        };
        all.extend(if before { left.next() } else { right.next() });
    }
    all.extend(right);
    all.extend(left);
    Ok(all)
}

/// Brings a merged list into order: by the patch where it says so, by the server where it does not.
fn arrange(merged: Vec<Node>, patch_order: &[Node], server_order: &[Node], key: &str) -> Outcome<Vec<Node>> {
    let (mut patched, mut server_only) = (Vec::new(), Vec::new());
    for item in merged {
        let listed = if key.is_empty() {
            patch_order.contains(&item)
        } else {
            key_of(&item, key)?;
            position(patch_order, &item, key)?.is_some()
        };
        if listed { patched.push(item) } else { server_only.push(item) }
    }
    let patched = in_order(patched, patch_order, key)?;
    let server_only = in_order(server_only, server_order, key)?;
    interleave(server_only, patched, server_order, key)
}

// Merging: a patch into an object, or into another patch.

fn merge(original: &mut Map, mut patch: Map, kind: Type, onto: Onto) -> Outcome<()> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        match directive.as_str() {
            Some("replace") => *original = patch,
            Some("delete") => *original = Map::new(),
            _ => return fault(format!("unknown patch type {}", spelt(&directive))),
        }
        return Ok(());
    }
    retain_keys(original, &mut patch, onto)?;
    merge_ordered_lists(original, &mut patch, kind, onto)?;
    for (key, new) in patch {
        let deleted_from = key.name.strip_prefix(DELETE_FROM).map(|rest| rest.strip_prefix('/').map(Text::from));
        let (key, deletes) = match deleted_from {
            Some(_) if onto == Onto::Patch => {
                original.set(key, new);
                continue;
            }
            Some(None) => return fault("invalid patch format of primitive list"),
            Some(Some(name)) => (Key { name, at: key.at }, true),
            None => (key, false),
        };
        merge_field(original, key, new, kind, onto, deletes)?;
    }
    Ok(())
}

fn merge_field(original: &mut Map, key: Key, new: Node, kind: Type, onto: Onto, deletes: bool) -> Outcome<()> {
    if new.is_null() {
        original.remove(&key.name);
        if onto == Onto::Patch {
            original.set(key, new);
        }
        return Ok(());
    }
    let Some(old) = original.get_mut(&key.name).filter(|old| same_type(old, &new)) else {
        if !deletes {
            take(original, key, new, onto);
        }
        return Ok(());
    };
    match (&mut old.data, new.data) {
        (Data::Map(inner), Data::Map(part)) => {
            let field = field_of(kind, &key.name)?;
            if field.replaces() {
                *inner = part;
            } else {
                merge(inner, part, field.inner, onto)?;
            }
        }
        (Data::List(items), Data::List(part)) => {
            let field = list_field_of(kind, &key.name)?;
            *items = if field.merges() || deletes { merge_lists(std::mem::take(items), part, field, onto, deletes)? } else { part };
            old.at = new.at;
        }
        (data, new_data) => {
            *data = new_data;
            old.at = new.at;
        }
    }
    Ok(())
}

/// Takes a value of the patch as it is, without what are instructions only.
fn take(original: &mut Map, key: Key, mut new: Node, onto: Onto) {
    if onto == Onto::Object {
        discard_nulls(&mut new);
    }
    if is_directive(&new) {
        original.remove(&key.name);
    } else {
        discard_directives(&mut new);
        original.set(key, new);
    }
}

fn discard_nulls(node: &mut Node) {
    match &mut node.data {
        Data::Map(map) => map.retain(|_, value| {
            discard_nulls(value);
            !value.is_null()
        }),
        Data::List(items) => items.iter_mut().for_each(discard_nulls),
        _ => {}
    }
}

fn discard_directives(node: &mut Node) {
    match &mut node.data {
        Data::Map(map) => map.retain(|_, value| {
            discard_directives(value);
            !is_directive(value)
        }),
        Data::List(items) => {
            items.retain(|item| !is_directive(item));
            items.iter_mut().for_each(discard_directives);
        }
        _ => {}
    }
}

/// Obeys the directive that names the keys that stay, or hands it on.
fn retain_keys(original: &mut Map, patch: &mut Map, onto: Onto) -> Outcome<()> {
    let Some((key, directive)) = patch.take(RETAIN) else { return Ok(()) };
    if onto == Onto::Patch {
        match original.get(RETAIN) {
            Some(known) if *known != directive => return fault("two patches retain different keys"),
            Some(_) => {}
            None => {
                original.set(key, directive);
            }
        }
        return Ok(());
    }
    let stays = |name: &str| directive.items().any(|item| item.as_str() == Some(name));
    let bad = |(key, value): (&Key, &Node)| {
        !value.is_null() && !key.name.starts_with(DELETE_FROM) && !key.name.starts_with(ORDER) && !stays(&key.name)
    };
    if directive.as_list().is_none() || patch.iter().any(bad) {
        return fault("invalid patch format of retainKeys");
    }
    original.retain(|key, _| stays(&key.name));
    Ok(())
}

/// Merges the lists whose order the patch gives; they are done with afterwards.
fn merge_ordered_lists(original: &mut Map, patch: &mut Map, kind: Type, onto: Onto) -> Outcome<()> {
    let orders: Vec<Text> = patch.iter().map(|(key, _)| key.name.clone()).filter(|name| name.starts_with(ORDER)).collect();
    for name in orders {
        let Some((key, order)) = patch.take(&name) else { continue };
        if onto == Onto::Patch {
            match original.get(&name) {
                Some(known) if *known != order => return fault("invalid patch format of setElementOrder list"),
                Some(_) => {}
                None => {
                    original.set(key, order.clone());
                }
            }
        }
        let Some(list) = name.strip_prefix(ORDER).and_then(|rest| rest.strip_prefix('/')) else {
            return fault("invalid patch format of setElementOrder list");
        };
        merge_ordered_list(original, patch, list, &order, kind, onto)?;
    }
    Ok(())
}

fn merge_ordered_list(original: &mut Map, patch: &mut Map, name: &str, order: &Node, kind: Type, onto: Onto) -> Outcome<()> {
    let Some(order) = order.as_list() else { return fault("expected a list of the order of elements") };
    let items = |node: Option<&Node>| match node.map(|node| &node.data) {
        None => Ok(None),
        Some(Data::List(items)) => Ok(Some(items.clone())),
        Some(_) => fault(format!("expected a list under {name:?}")),
    };
    let (old, new) = (items(original.get(name))?, items(patch.get(name))?);
    let field = list_field_of(kind, name)?;
    check_order(new.as_deref().unwrap_or_default(), order, field.key())?;
    let before = old.clone().unwrap_or_default();
    let merged = match (old, new) {
        (None, None) => return Ok(()),
        (Some(old), None) => old,
        (None, Some(mut new)) => {
            new.retain(|item| !is_directive(item));
            new.iter_mut().for_each(discard_directives);
            new
        }
        (Some(old), Some(new)) if field.merges() => merge_lists(old, new, field, onto, false)?,
        (Some(_), Some(new)) => new,
    };
    let patched = patch.take(name);
    let patch_items = patched.iter().flat_map(|(_, node)| node.items());
    if item_type(before.iter().chain(patch_items))?.is_none() {
        return fault("no elements in any of the given slices");
    }
    let merged = arrange(merged, order, &before, field.key())?;
    let (key, at) = match (patched, original.entry(name)) {
        (Some((key, node)), _) => (key, node.at),
        (None, Some((key, node))) => (key.clone(), node.at),
        (None, None) => return Ok(()),
    };
    original.set(key, Node::list(merged, at));
    Ok(())
}

/// The items of a patch must be in the order that it gives.
fn check_order(items: &[Node], order: &[Node], key: &str) -> Outcome<()> {
    if items.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    for item in items.iter().filter(|item| key.is_empty() || !is_directive(item)) {
        let found = loop {
            let Some(next) = rest.next() else { break false };
            let same = if key.is_empty() { item == next } else { same_key(key_of(item, key)?, key_of(next, key)?)? };
            if same {
                break true;
            }
        };
        if !found {
            return fault("The order in patch list doesn't match $setElementOrder list");
        }
    }
    Ok(())
}

fn merge_lists(original: Vec<Node>, patch: Vec<Node>, field: Field, onto: Onto, deletes: bool) -> Outcome<Vec<Node>> {
    let Some(first) = item_type(original.iter().chain(&patch))? else { return Ok(original) };
    if !is_map(first) {
        if onto == Onto::Object && deletes {
            return Ok(original.into_iter().filter(|item| !patch.contains(item)).collect());
        }
        let mut both: Vec<Node> = original.iter().chain(&patch).cloned().collect();
        deduplicate(&mut both);
        return arrange(both, &patch, &original, "");
    }
    if field.key().is_empty() {
        return fault("cannot merge lists without merge key");
    }
    let (original, patch) = obey_directives(original, patch, field.key())?;
    let order: Vec<Node> = original.iter().map(|item| bare(item, field.key())).collect();
    let patch_order: Vec<Node> = patch.iter().map(|item| bare(item, field.key())).collect();
    let mut merged = original;
    for item in patch {
        let key = key_of(&item, field.key())?.clone();
        let mut place = None;
        for (index, other) in merged.iter().enumerate() {
            if let Some(value) = other.get(field.key())
                && same_key(value, &key)?
            {
                place = Some(index);
                break;
            }
        }
        match place.and_then(|place| merged.get_mut(place)) {
            Some(known) => {
                if let (Data::Map(inner), Data::Map(part)) = (&mut known.data, item.data) {
                    merge(inner, part, field.inner, onto)?;
                }
            }
            None => merged.push(item),
        }
    }
    arrange(merged, &patch_order, &order, field.key())
}

/// Deletes from a list what the patch says, and leaves the patch without directives.
fn obey_directives(mut original: Vec<Node>, patch: Vec<Node>, key: &str) -> Outcome<(Vec<Node>, Vec<Node>)> {
    let (mut plain, mut replace) = (Vec::new(), false);
    for item in patch {
        match item.get(DIRECTIVE).map(|directive| directive.as_str().unwrap_or_default()) {
            None => plain.push(item),
            Some("delete") => {
                let value = key_of(&item, key)?;
                if value.as_map().is_some() || value.as_list().is_some() {
                    return fault("a merge key is no plain value");
                }
                original.retain(|other| other.get(key) != Some(value));
            }
            Some("replace") => replace = true,
            Some(other) => return fault(format!("unknown patch type {other}")),
        }
    }
    Ok(if replace { (plain, Vec::new()) } else { (original, plain) })
}
