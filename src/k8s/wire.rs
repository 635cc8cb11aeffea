//! How the API server holds and writes objects of the kinds it has types for: which fields it leaves out when they are empty, how
//! it spells amounts, and by which key a patch merges a list. Knows no rule and no default.

use crate::k8s::quantity::Quantity;
use crate::source::At;
use crate::value::{Data, Key, Map, Node};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One type per paragraph, one field per line: name, form, and what is particular to it.
static TEXT: &str = include_str!("../../schemas/kubernetes/wire.txt");

static TYPES: LazyLock<BTreeMap<&'static str, BTreeMap<&'static str, Field>>> = LazyLock::new(read);

/// The form of a value: `text`, `int`, `quantity`, `[]Container`, `{}text`, or the name of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form(&'static str);

/// A field of a type.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// What it holds.
    pub form: Form,
    /// Tells nothing from empty: only nothing is left out.
    pub pointer: bool,
    /// Left out when empty; a field that is not is written with its zero.
    pub omitted: bool,
    /// What tells two items of the list apart in a patch; empty where the list has no such key.
    pub key: &'static str,
    /// Whether a patch merges the list item by item instead of replacing it.
    pub merge: bool,
    /// Whether a patch names the keys that are to stay.
    pub retain_keys: bool,
}

fn read() -> BTreeMap<&'static str, BTreeMap<&'static str, Field>> {
    let mut types: BTreeMap<&str, BTreeMap<&str, Field>> = BTreeMap::new();
    let mut name = "";
    for line in TEXT.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(first) = words.next() else { continue };
        if !line.starts_with(' ') {
            name = first;
            types.entry(name).or_default();
            continue;
        }
        let form = Form(words.next().unwrap_or("any"));
        let mut field = Field { form, pointer: false, omitted: false, key: "", merge: false, retain_keys: false };
        for word in words {
            match word {
                "pointer" => field.pointer = true,
                "omitted" => field.omitted = true,
                "merge" => field.merge = true,
                "retainKeys" => field.retain_keys = true,
                _ => field.key = word.strip_prefix("key=").unwrap_or_default(),
            }
        }
        types.entry(name).or_default().insert(first, field);
    }
    types
}

impl Form {
    /// Anything at all.
    pub const ANY: Self = Self("any");

    /// The form of an object, by its apiVersion and kind; [`Form::ANY`] for kinds without a known type.
    #[must_use]
    pub fn of(api_version: &str, kind: &str) -> Self {
        let name = match (api_version, kind) {
            ("autoscaling/v1", "HorizontalPodAutoscaler") => "autoscalingv1HorizontalPodAutoscaler",
            _ => kind,
        };
        let group = match kind {
            "StatefulSet" | "Deployment" | "DaemonSet" => "apps/v1",
            "HorizontalPodAutoscaler" if api_version == "autoscaling/v1" => "autoscaling/v1",
            "HorizontalPodAutoscaler" => "autoscaling/v2",
            "Job" | "CronJob" => "batch/v1",
            "NetworkPolicy" | "Ingress" => "networking.k8s.io/v1",
            "PodDisruptionBudget" => "policy/v1",
            "StorageClass" => "storage.k8s.io/v1",
            "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding" => "rbac.authorization.k8s.io/v1",
            "Service" | "PersistentVolume" | "PersistentVolumeClaim" | "ConfigMap" | "Secret" | "ServiceAccount" | "Namespace" | "Pod" => "v1",
            _ => return Self::ANY,
        };
        if api_version != group {
            return Self::ANY;
        }
        TYPES.get_key_value(name).map_or(Self::ANY, |(name, _)| Self(name))
    }

    /// The form of an object, by its own words.
    #[must_use]
    pub fn of_object(object: &Node) -> Self {
        let word = |key| object.get(key).and_then(Node::as_str).unwrap_or_default();
        Self::of(word("apiVersion"), word("kind"))
    }

    /// Whether nothing is known of it.
    #[must_use]
    pub fn is_any(self) -> bool {
        self == Self::ANY
    }

    /// The form of each item, if it is a list.
    #[must_use]
    pub fn item(self) -> Option<Self> {
        self.0.strip_prefix("[]").map(Self)
    }

    /// The form of each value, if it is a map of any keys.
    #[must_use]
    pub fn value(self) -> Option<Self> {
        self.0.strip_prefix("{}").map(Self)
    }

    /// Its fields, if it is a type.
    fn fields(self) -> Option<&'static BTreeMap<&'static str, Field>> {
        TYPES.get(self.0)
    }

    /// One of its fields, if it is a type that has it.
    #[must_use]
    pub fn field(self, name: &str) -> Option<Field> {
        self.fields()?.get(name).copied()
    }
}

/// Leaves of an object what the server sees of it: no nulls, nothing empty that it does not tell from absent, amounts spelt its way.
pub fn settle(object: &mut Node) {
    let form = Form::of_object(object);
    settle_as(object, form);
}

/// Makes of a settled object what the server sends back: with the fields that it always writes.
pub fn complete(object: &mut Node) {
    let form = Form::of_object(object);
    complete_as(object, form);
}

fn settle_as(node: &mut Node, form: Form) {
    match &mut node.data {
        Data::List(items) => {
            if let Some(item) = form.item() {
                items.iter_mut().for_each(|node| settle_as(node, item));
            }
        }
        Data::Map(map) => {
            if let Some(fields) = form.fields() {
                settle_fields(map, fields);
            } else if let Some(value) = form.value() {
                settle_values(map, value);
            }
        }
        _ if form.0 == "quantity" => settle_quantity(node, false),
        _ => {}
    }
}

fn settle_fields(map: &mut Map, fields: &BTreeMap<&'static str, Field>) {
    map.retain(|key, node| {
        let Some(field) = fields.get(&*key.name) else { return true };
        if node.is_null() {
            return field.form.is_any();
        }
        settle_as(node, field.form);
        !(field.omitted && !field.pointer && is_zero(node))
    });
}

fn settle_values(map: &mut Map, value: Form) {
    for (_, node) in map.iter_mut() {
        if node.is_null() {
            *node = zero(value, node.at).unwrap_or_else(|| node.clone());
        } else if value.0 == "quantity" {
            settle_quantity(node, true);
        } else {
            settle_as(node, value);
        }
    }
}

/// The server keeps amounts of resources no finer than a thousandth.
fn settle_quantity(node: &mut Node, rounded: bool) {
    let read = match &node.data {
        Data::Text(text) => text.trim_matches(' ').parse::<Quantity>(),
        Data::Int(number) => Ok(Quantity::whole(*number)),
        Data::Float(number) => number.to_string().parse(),
        _ => return,
    };
    let Ok(mut quantity) = read else { return };
    if rounded
        && let Ok(coarse) = format!("{}m", quantity.milli()).parse::<Quantity>()
        && quantity.milli().unsigned_abs() < 1 << 50
        && coarse != quantity
    {
        quantity = coarse;
    }
    node.data = Data::Text(quantity.to_string().into());
}

fn is_zero(node: &Node) -> bool {
    match &node.data {
        Data::Null => true,
        Data::Bool(value) => !value,
        Data::Int(value) => *value == 0,
        Data::Float(value) => *value == 0.0,
        Data::Text(text) => text.is_empty(),
        Data::List(items) => items.is_empty(),
        Data::Map(map) => map.is_empty(),
    }
}

/// What stands where nothing was said.
fn zero(form: Form, at: At) -> Option<Node> {
    Some(match form.0 {
        "text" => Node::text("", at),
        "bool" => Node::bool(false, at),
        "int" | "float" | "either" => Node::int(0, at),
        "quantity" => Node::text("0", at),
        _ if form.fields().is_some() => Node::map(Map::new(), at),
        _ => return None,
    })
}

fn complete_as(node: &mut Node, form: Form) {
    let at = node.at;
    match &mut node.data {
        Data::List(items) => {
            if let Some(item) = form.item() {
                items.iter_mut().for_each(|node| complete_as(node, item));
            }
        }
        Data::Map(map) => {
            if let Some(fields) = form.fields() {
                for (name, field) in fields {
                    if !field.omitted && !field.pointer && !map.has(name) {
                        let node = zero(field.form, at).unwrap_or_else(|| Node::null(at));
                        map.set(Key { name: (*name).into(), at }, node);
                    }
                }
                for (key, node) in map.iter_mut() {
                    if let Some(field) = fields.get(&*key.name) {
                        complete_as(node, field.form);
                    }
                }
            } else if let Some(value) = form.value() {
                map.iter_mut().for_each(|(_, node)| complete_as(node, value));
            }
        }
        _ => {}
    }
}
