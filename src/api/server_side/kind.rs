//! What a server-side apply has to know of the type of a value: whether it is taken whole, and what tells its items
//! apart. Reads it off the shapes of Kubernetes' own kinds and off the schemas of custom ones.
//!
//! Follows `k8s.io/kube-openapi/pkg/schemaconv` and `structured-merge-diff/v6/typed/helpers.go`.

use super::paths::{Scalar, Step};
use crate::api::custom::schema::{Additional, ListType, Schema, Type};
use crate::k8s::shape::{Field, Form, Omitted, Shape};
use crate::value::{Data, Node, Text};

/// The type of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind<'t> {
    /// A struct, and what the field that holds it says of it.
    Shape(Shape, Whole),
    /// What a field holds, with what the field says of it.
    Field(&'t Field),
    /// What stands in a list or a map.
    Form(&'t Form),
    /// What a definition says.
    Schema(&'t Schema, Root),
    /// Anything: its maps are merged, its lists are taken whole.
    Any,
    /// Anything, taken whole.
    Leaf,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name)
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.go_type())
    }
}

/// What a field says of the struct in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// Nothing.
    Unsaid,
    /// It is taken whole.
    Atomic,
    /// Its fields are merged.
    Granular,
}

/// Whether a schema is that of a whole object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// It is: its metadata are those of every object.
    Object,
    /// It is that of a part.
    Part,
}

/// What a plain value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A truth value.
    Bool,
    /// Any of these.
    Any,
}

/// A type, once it is known which of those that it allows a value has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Atom<'t> {
    /// A struct or map.
    Map(MapKind<'t>),
    /// A list.
    List(ListKind<'t>),
    /// A plain value.
    Plain(Plain),
}

/// The type of a struct or map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapKind<'t> {
    kind: Kind<'t>,
    /// Whether it is taken whole.
    pub atomic: bool,
}

/// The type of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListKind<'t> {
    /// The type of its items.
    pub item: Kind<'t>,
    keys: Keys<'t>,
    /// Whether a strategic merge merges its items.
    pub merges: bool,
}

#[derive(Clone, Copy, Debug)]
enum Keys<'t> {
    Atomic,
    Set,
    Field(&'t Field),
    Schema(&'t [Text]),
}

impl Atom<'_> {
    /// Whether two are of one sort.
    #[must_use]
    pub(crate) const fn is_like(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Map(_), Self::Map(_)) | (Self::List(_), Self::List(_)) | (Self::Plain(_), Self::Plain(_))
        )
    }
}

impl<'t> Kind<'t> {
    /// The type that a value has of those that this one allows. What is null or absent may be any: then the first.
    #[must_use]
    pub(crate) fn atom(self, value: Option<&Node>) -> Atom<'t> {
        match self {
            Self::Shape(shape, whole) => self.map(match whole {
                Whole::Unsaid => shape.is_atomic(),
                Whole::Atomic => true,
                Whole::Granular => false,
            }),
            Self::Field(field) => match &field.form {
                Form::List(item) => {
                    Atom::List(ListKind { item: Self::Form(item), keys: Keys::of(field), merges: field.merges() })
                }
                Form::Map(_) => self.map(field.map_type == "atomic"),
                Form::Struct(link) => {
                    link.shape().map_or(Self::Any, |shape| Self::Shape(shape, Whole::of(field))).atom(value)
                }
                form => plain(form, value),
            },
            Self::Form(form) => match form {
                Form::List(item) => Atom::List(ListKind { item: Self::Form(item), keys: Keys::Atomic, merges: false }),
                Form::Map(_) => self.map(false),
                Form::Struct(link) => {
                    link.shape().map_or(Self::Any, |shape| Self::Shape(shape, Whole::Unsaid)).atom(value)
                }
                form => plain(form, value),
            },
            Self::Schema(schema, root) => match schema.only_type() {
                _ if root == Root::Object => self.map(schema.is_atomic),
                Some(Type::Object) => self.map(schema.is_atomic),
                Some(Type::Array) => Atom::List(ListKind {
                    item: schema.items.as_deref().map_or(Self::Leaf, |item| Self::Schema(item, Root::Part)),
                    keys: match schema.list_type {
                        ListType::Atomic => Keys::Atomic,
                        ListType::Set => Keys::Set,
                        ListType::Map => Keys::Schema(&schema.map_keys),
                    },
                    merges: false,
                }),
                Some(Type::String) if schema.written_format.is_empty() || schema.written_format == "byte" => {
                    Atom::Plain(Plain::Text)
                }
                Some(Type::String) => Atom::Plain(Plain::Any),
                Some(Type::Integer | Type::Number) => Atom::Plain(Plain::Number),
                Some(Type::Boolean) => Atom::Plain(Plain::Bool),
                Some(Type::Unknown) | None => Self::Any.atom(value),
            },
            Self::Any | Self::Leaf => match value.map(|node| &node.data) {
                None | Some(Data::Null | Data::Map(_)) => self.map(matches!(self, Self::Leaf)),
                Some(Data::List(_)) => Atom::List(ListKind { item: Self::Leaf, keys: Keys::Atomic, merges: false }),
                Some(_) => Atom::Plain(Plain::Any),
            },
        }
    }

    const fn map(self, atomic: bool) -> Atom<'t> {
        Atom::Map(MapKind { kind: self, atomic })
    }
}

impl Whole {
    fn of(field: &Field) -> Self {
        match field.map_type {
            "atomic" => Self::Atomic,
            "granular" => Self::Granular,
            _ => Self::Unsaid,
        }
    }
}

/// The type of a plain value of Kubernetes' own. Amounts, and ports that may have a name, may be anything.
fn plain<'t>(form: &Form, value: Option<&Node>) -> Atom<'t> {
    match form {
        Form::Text | Form::Bytes => Atom::Plain(Plain::Text),
        Form::Bool => Atom::Plain(Plain::Bool),
        Form::Int32 | Form::Int64 | Form::Float => Atom::Plain(Plain::Number),
        Form::Time | Form::MicroTime => Atom::Plain(Plain::Any),
        Form::Raw => Kind::Any.map(false),
        _ => Kind::Any.atom(value),
    }
}

impl<'t> MapKind<'t> {
    /// The type of a field; nothing where there is no such field.
    #[must_use]
    pub(crate) fn inside(&self, name: &str) -> Option<Kind<'t>> {
        match self.kind {
            Kind::Shape(shape, _) if shape.fields().next().is_none() => Some(Kind::Any),
            Kind::Shape(shape, _) => shape.field(name).map(Kind::Field),
            Kind::Field(Field { form: Form::Map(value), .. }) | Kind::Form(Form::Map(value)) => Some(Kind::Form(value)),
            Kind::Schema(schema, root) => {
                if root == Root::Object {
                    match name {
                        "apiVersion" | "kind" => return Some(Kind::Form(&Form::Text)),
                        "metadata" => return Some(object_meta()),
                        _ => {}
                    }
                }
                let within = |inner| Kind::Schema(inner, Root::Part);
                if let Some(known) = schema.property(name) {
                    return Some(within(known));
                }
                match &schema.additional {
                    Some(Additional::Of(inner)) => Some(within(inner)),
                    Some(Additional::Any(allowed)) => allowed.then_some(Kind::Any),
                    None => (schema.preserves || schema.properties.is_empty()).then_some(Kind::Any),
                }
            }
            Kind::Leaf => Some(Kind::Leaf),
            _ => Some(Kind::Any),
        }
    }

    /// Whether the type itself names a field, and it is no entry that may have any name.
    #[must_use]
    pub(crate) fn names(&self, name: &str) -> bool {
        match self.kind {
            Kind::Shape(shape, _) => shape.field(name).is_some(),
            Kind::Schema(schema, root) => {
                root == Root::Object && ["apiVersion", "kind", "metadata"].contains(&name)
                    || schema.property(name).is_some()
            }
            _ => false,
        }
    }
}

/// The metadata that every object has. They are the same in all versions, as far as an apply sees them.
fn object_meta<'t>() -> Kind<'t> {
    let shape = Shape::named("meta.v1.ObjectMeta", crate::k8s::version::Version::NEWEST);
    shape.map_or(Kind::Any, |shape| Kind::Shape(shape, Whole::Unsaid))
}

impl<'t> Keys<'t> {
    fn of(field: &'t Field) -> Self {
        match field.list_type {
            "map" => Keys::Field(field),
            "set" => Keys::Set,
            "" if field.merges() && field.merge_key.is_some() => Keys::Field(field),
            "" if field.merges() => Keys::Set,
            _ => Keys::Atomic,
        }
    }
}

impl ListKind<'_> {
    /// Whether it is taken whole.
    #[must_use]
    pub(crate) const fn is_atomic(&self) -> bool {
        matches!(self.keys, Keys::Atomic)
    }

    /// The key by which a strategic merge merges its items too, and which is one of those that tell them apart.
    #[must_use]
    pub(crate) fn merge_key(&self) -> Option<&'static str> {
        let Keys::Field(field) = self.keys else { return None };
        let key = field.merge_key.filter(|_| field.merges())?;
        (field.list_keys().next().is_none() || field.list_keys().any(|known| known == key)).then_some(key)
    }

    /// What tells an item from the others.
    ///
    /// # Errors
    /// When nothing does, in the server's words.
    pub(crate) fn step(&self, item: &Node) -> Result<Step, String> {
        match self.keys {
            Keys::Atomic => Err("invalid indexing of non-associative list".into()),
            Keys::Set => match &item.data {
                Data::Map(_) => Err("associative list without keys has an element that's a map type".into()),
                Data::List(_) => Err("not supported: associative list with lists as elements".into()),
                Data::Null => Err("associative list without keys has an element that's an explicit null".into()),
                _ => Ok(Step::Value(Scalar::of(item))),
            },
            Keys::Field(field) => {
                let keys: Vec<&str> = field.list_keys().collect();
                let keys = if keys.is_empty() { field.merge_key.into_iter().collect() } else { keys };
                keyed(item, &keys, |key| default_of(field, key))
            }
            Keys::Schema(keys) => {
                let keys: Vec<&str> = keys.iter().map(Text::as_str).collect();
                let default = |key: &str| match self.item {
                    Kind::Schema(schema, _) => schema.property(key)?.default.as_ref().map(Scalar::of),
                    _ => None,
                };
                keyed(item, &keys, default)
            }
        }
    }
}

fn keyed(item: &Node, keys: &[&str], default: impl Fn(&str) -> Option<Scalar>) -> Result<Step, String> {
    match &item.data {
        Data::Null => return Err("associative list with keys may not have a null element".into()),
        Data::Map(_) => {}
        _ => return Err("associative list with keys may not have non-map elements".into()),
    }
    let part = |key: &&str| {
        let value = item.get(key).map(Scalar::of).or_else(|| default(key))?;
        Some((Text::new(key), value))
    };
    let mut parts: Vec<(Text, Scalar)> = keys.iter().filter_map(part).collect();
    if parts.is_empty() {
        let quoted: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
             values for any key fields)",
            quoted.join(" ")
        ));
    }
    parts.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(Step::Key(parts))
}

/// What a key is where an item does not say it: protocols are TCP, and what the server always writes is empty.
fn default_of(field: &Field, key: &str) -> Option<Scalar> {
    let shape = field.shape()?;
    let known = shape.field(key)?;
    let names_an_object = ["core.v1.LocalObjectReference", "core.v1.ConfigMapKeySelector"].contains(&shape.name());
    match (&known.form, key) {
        (Form::Text, "protocol") => Some(Scalar::Text("TCP".into())),
        (Form::Text, "name") if names_an_object => Some(Scalar::Text(Text::default())),
        (Form::Text, _) if known.omitted == Omitted::Never => Some(Scalar::Text(Text::default())),
        (Form::Int32 | Form::Int64, _) if known.omitted == Omitted::Never => Some(Scalar::Int(0)),
        _ => None,
    }
}
