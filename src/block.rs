//! What a block of the spec may hold, said once: the `block!` macro makes of one declaration the type, its reader, its
//! part of the JSON Schema and its manual. Knows no particular block.

use crate::diagnostic::{Code, Diagnostics, Level, listing, nearest};
use crate::source::At;
use crate::value::{Data, Key, Map, Node, Text};

/// A field that no block has.
pub(crate) static UNKNOWN: Code = Code {
    id: "SW0101",
    name: "unknown-field",
    level: Level::Error,
    page: include_str!("block_pages/unknown-field.md"),
};
/// A value of another type than the field's.
pub(crate) static TYPE: Code =
    Code { id: "SW0102", name: "wrong-type", level: Level::Error, page: include_str!("block_pages/wrong-type.md") };
/// A field that must be there.
pub(crate) static MISSING: Code = Code {
    id: "SW0103",
    name: "missing-field",
    level: Level::Error,
    page: include_str!("block_pages/missing-field.md"),
};
/// A word that is none of the few that are allowed.
pub(crate) static CHOICE: Code =
    Code { id: "SW0104", name: "unknown-word", level: Level::Error, page: include_str!("block_pages/unknown-word.md") };

/// What a value may be.
#[derive(Clone, Copy)]
pub enum Shape {
    /// Text.
    Text,
    /// Text, or a number or truth value that is written as text for the user.
    Scalar,
    /// A whole number.
    Int,
    /// A truth value.
    Bool,
    /// Anything.
    Any,
    /// One of a few words.
    Words(&'static [&'static str]),
    /// A list.
    List(fn() -> Shape),
    /// A map from names to values.
    Map(fn() -> Shape),
    /// A block.
    Block(&'static Block),
    /// A map in Kubernetes' own words: the definition of that name.
    Kubernetes(&'static str),
    /// Any of several, told apart by what kind of value it is.
    Either(&'static [fn() -> Shape]),
    /// Any of several, told apart by what is in it.
    Told(&'static [fn() -> Shape], fn(&Node) -> usize),
}

/// One block: its fields and its manual.
pub struct Block {
    /// What a message calls it: `a storage item`.
    pub noun: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its fields, in the order in which people think of them.
    pub fields: &'static [Field],
    /// Fields that must be there.
    pub needs: &'static [&'static str],
    /// Fields of which an environment's replaces another's: the handlers of a probe, the backends of a volume.
    pub one_of: &'static [&'static str],
    /// The Kubernetes definition whose fields may stand beside its own.
    pub rest: Option<&'static str>,
    /// Blocks whose fields may stand beside its own: an app's main container is written into the app itself.
    pub with: &'static [&'static Block],
}

/// One field.
pub struct Field {
    /// `storage`, as the user writes it.
    pub name: &'static str,
    /// What it is for; lines that begin with `Example:` hold examples, one that begins with `Words:` the words that
    /// Kubernetes knows here.
    pub doc: &'static str,
    /// What it may be.
    pub shape: fn() -> Shape,
}

/// A type that can be read from a spec.
pub trait Read: Sized {
    /// Reads it, recording all that is wrong.
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self>;
    /// What it may be.
    fn shape() -> Shape;
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub at: At,
}

impl<T: Read> Read for Placed<T> {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        Some(Self { value: T::read(node, found)?, at: node.at })
    }
    fn shape() -> Shape {
        T::shape()
    }
}

/// Says that a value is of the wrong type.
pub(crate) fn wrong_type(node: &Node, wanted: &str, found: &mut Diagnostics) {
    let help = match (&node.data, wanted) {
        (Data::Int(_) | Data::Float(_) | Data::Bool(_), "text") => Some("put it in quotes"),
        (Data::Text(_), "a number" | "a whole number") => Some("write a number, without quotes"),
        (Data::Null, _) => Some("give it a value, or remove the line; only an environment removes with `null`"),
        _ => None,
    };
    let mut report = TYPE.report(format!("this is {}; it must be {wanted}", node.noun()));
    if let Some(help) = help {
        report = report.help(help);
    }
    report.at(node.at, found);
}

impl Read for Text {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        if let Data::Text(text) = &node.data {
            return Some(text.clone());
        }
        wrong_type(node, "text", found);
        None
    }
    fn shape() -> Shape {
        Shape::Text
    }
}

/// Text that the user may also write as a number or a truth value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar(pub Text);

impl Read for Scalar {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        scalar_text(node).map(Self).or_else(|| {
            wrong_type(node, "text", found);
            None
        })
    }
    fn shape() -> Shape {
        Shape::Scalar
    }
}

/// A text, number or truth value as text.
pub(crate) fn scalar_text(node: &Node) -> Option<Text> {
    match &node.data {
        Data::Text(text) => Some(text.clone()),
        Data::Int(value) => Some(value.to_string().into()),
        Data::Float(value) => Some(value.to_string().into()),
        Data::Bool(value) => Some(if *value { "true" } else { "false" }.into()),
        _ => None,
    }
}

impl Read for i64 {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        if node.as_int().is_none() {
            wrong_type(node, "a whole number", found);
        }
        node.as_int()
    }
    fn shape() -> Shape {
        Shape::Int
    }
}

impl Read for bool {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        if node.as_bool().is_none() {
            wrong_type(node, "true or false", found);
        }
        node.as_bool()
    }
    fn shape() -> Shape {
        Shape::Bool
    }
}

impl Read for Node {
    fn read(node: &Node, _: &mut Diagnostics) -> Option<Self> {
        Some(node.clone())
    }
    fn shape() -> Shape {
        Shape::Any
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let Some(items) = node.as_list() else {
            wrong_type(node, "a list", found);
            return None;
        };
        let read: Vec<Option<T>> = items.iter().map(|item| T::read(item, found)).collect();
        read.into_iter().collect()
    }
    fn shape() -> Shape {
        Shape::List(T::shape)
    }
}

/// A map from names the user chose to values of one type, in the user's order.
#[derive(Clone, Debug)]
pub struct Named<T> {
    /// The entries.
    pub entries: Vec<(Key, T)>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T: Read> Read for Named<T> {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let Some(map) = node.as_map() else {
            wrong_type(node, "a map", found);
            return None;
        };
        let read: Vec<Option<(Key, T)>> =
            map.iter().map(|(key, value)| Some((key.clone(), T::read(value, found)?))).collect();
        Some(Self { entries: read.into_iter().collect::<Option<_>>()? })
    }
    fn shape() -> Shape {
        Shape::Map(T::shape)
    }
}

/// A value that is read when its expressions can be evaluated: once per ordinal.
#[derive(Clone, Debug)]
pub struct Later<T> {
    /// As written.
    pub node: Node,
    read: std::marker::PhantomData<fn() -> T>,
}

impl<T: Read> Read for Later<T> {
    fn read(node: &Node, _: &mut Diagnostics) -> Option<Self> {
        Some(Self { node: node.clone(), read: std::marker::PhantomData })
    }
    fn shape() -> Shape {
        T::shape()
    }
}

/// A map in Kubernetes' words, taken as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Open(pub Map);

impl Read for Open {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        if node.as_map().is_none() {
            wrong_type(node, "a map", found);
        }
        node.as_map().cloned().map(Self)
    }
    fn shape() -> Shape {
        Shape::Map(|| Shape::Any)
    }
}

/// Declares types that are a map in the words of one Kubernetes definition.
macro_rules! kubernetes {
    ($($(#[doc = $doc:literal])* $name:ident = $definition:literal;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct $name(pub $crate::value::Map);

        impl $crate::block::Read for $name {
            fn read(node: &$crate::value::Node, found: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                <$crate::block::Open as $crate::block::Read>::read(node, found).map(|open| Self(open.0))
            }
            fn shape() -> $crate::block::Shape {
                $crate::block::Shape::Kubernetes($definition)
            }
        }
    )*};
}

/// Reads one field of a block: absent and null are nothing.
pub fn field<T: Read>(map: &Map, name: &str, found: &mut Diagnostics) -> Option<T> {
    map.get(name).filter(|node| !node.is_null()).and_then(|node| T::read(node, found))
}

/// Checks that a block is a map and lacks nothing that it needs.
pub fn open<'n>(node: &'n Node, block: &Block, found: &mut Diagnostics) -> Option<&'n Map> {
    let Some(map) = node.as_map() else {
        wrong_type(node, "a map", found);
        return None;
    };
    for name in block.needs {
        if map.get(name).is_none_or(Node::is_null) && !misspelt(name, map, block) {
            let help = block.field(name).map_or_else(|| format!("add `{name}:`"), Field::example_hint);
            MISSING.report(format!("{} has no `{name}`", block.noun)).help(help).at(node.at, found);
        }
    }
    Some(map)
}

/// Whether a field is there under a name that is near its own: that is said already, of a field that nobody knows.
fn misspelt(name: &str, map: &Map, block: &Block) -> bool {
    let own = block.all_fields();
    let unknown = map.iter().map(|(key, _)| &*key.name).filter(|key| block.field(key).is_none());
    unknown.filter_map(|key| nearest(key, own.iter().map(|field| field.name))).any(|near| near == name)
}

/// The entries that are no field of these blocks.
#[must_use]
pub fn rest(map: &Map, block: &Block, outer: &[&Block]) -> Map {
    let known = |name: &str| block.field(name).is_some() || outer.iter().any(|block| block.field(name).is_some());
    map.iter().filter(|(key, _)| !known(&key.name)).map(|(key, node)| (key.clone(), node.clone())).collect()
}

impl Block {
    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .or_else(|| self.with.iter().find_map(|block| block.field(name)))
    }

    /// All fields, with those of the blocks beside it.
    #[must_use]
    pub fn all_fields(&self) -> Vec<&'static Field> {
        self.fields.iter().chain(self.with.iter().flat_map(|block| block.all_fields())).collect()
    }

    /// The Kubernetes definition whose fields may stand here.
    #[must_use]
    pub fn definition(&self) -> Option<&'static str> {
        self.rest.or_else(|| self.with.iter().find_map(|block| block.definition()))
    }

    /// Fields of which one replaces the other.
    #[must_use]
    pub fn alternatives(&self, name: &str) -> &'static [&'static str] {
        if self.one_of.contains(&name) { self.one_of } else { &[] }
    }
}

impl Field {
    /// The doc without its examples.
    #[must_use]
    pub fn text(&self) -> String {
        let is_text = |line: &&str| !line.starts_with("Example:") && !line.starts_with("Words:");
        let lines = self.doc.lines().map(str::trim).filter(is_text);
        lines.collect::<Vec<_>>().join(" ").trim().to_owned()
    }

    /// The examples, as YAML.
    pub fn examples(&self) -> impl Iterator<Item = &'static str> {
        self.doc
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Example:"))
            .map(|example| example.trim().trim_matches('`'))
    }

    /// The words that Kubernetes knows here. It judges them; who types is offered them.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        let line = self.doc.lines().find_map(|line| line.trim().strip_prefix("Words:"));
        line.into_iter().flat_map(|words| words.split(',')).map(|word| word.trim().trim_matches('`'))
    }

    fn example_hint(&self) -> String {
        self.examples().next().map_or_else(
            || format!("add `{}:`", self.name),
            |example| format!("add it, such as `{}: {example}`", self.name),
        )
    }
}

/// Names of the fields that a Kubernetes definition has; how the spec knows them without knowing the shapes.
pub type KubernetesFields<'k> = &'k dyn Fn(&str) -> Vec<String>;

/// Walks a layer of a spec and reports every field that nobody knows, wherever it stands: also in an environment that
/// is not compiled now.
pub fn unknown_fields(node: &Node, shape: Shape, kubernetes: KubernetesFields<'_>, found: &mut Diagnostics) {
    match shape {
        Shape::Block(block) => {
            let mut unknown = Unknown::default();
            for (key, value) in node.entries() {
                if let Some(field) = block.field(&key.name) {
                    unknown_fields(value, (field.shape)(), kubernetes, found);
                    continue;
                }
                let more = unknown.fields_of(block.definition(), kubernetes);
                if more.iter().any(|name| *name == *key.name) {
                    continue;
                }
                if unknown.is_one_of_many(key.at) {
                    continue;
                }
                let own = block.all_fields();
                let own = own.iter().map(|field| field.name);
                let near = nearest(&key.name, own.clone().chain(unknown.known.iter().flatten().map(String::as_str)));
                UNKNOWN
                    .report(format!("{} has no field `{}`", block.noun, key.name))
                    .meant(near, key.at, || format!("it may have {}", listing(own, 12)))
                    .at(key.at, found);
            }
            unknown.report_others(block.noun, found);
        }
        Shape::Kubernetes(definition) => {
            let known = kubernetes(definition);
            let mut unknown = Unknown::default();
            for (key, _) in
                node.entries().filter(|(key, _)| !known.is_empty() && !known.iter().any(|name| *name == *key.name))
            {
                if unknown.is_one_of_many(key.at) {
                    continue;
                }
                let near = nearest(&key.name, known.iter().map(String::as_str));
                UNKNOWN
                    .report(format!("Kubernetes' {} has no field `{}`", short(definition), key.name))
                    .meant(near, key.at, || format!("it may have {}", listing(known.iter().map(String::as_str), 8)))
                    .at(key.at, found);
            }
            unknown.report_others(&format!("Kubernetes' {}", short(definition)), found);
        }
        Shape::List(inner) => node.items().for_each(|item| unknown_fields(item, inner(), kubernetes, found)),
        Shape::Map(inner) => node.entries().for_each(|(_, value)| unknown_fields(value, inner(), kubernetes, found)),
        Shape::Either(shapes) => {
            if let Some(shape) = shapes.iter().map(|shape| shape()).find(|shape| shape.takes(node)) {
                unknown_fields(node, shape, kubernetes, found);
            }
        }
        Shape::Told(shapes, which) => unknown_fields(node, shapes[which(node)](), kubernetes, found),
        _ => {}
    }
}

/// The unknown fields of one map: the first are said one by one, the others together.
#[derive(Default)]
struct Unknown {
    known: Option<Vec<String>>,
    count: usize,
    first_other: Option<At>,
}

impl Unknown {
    /// So many are said one by one.
    const SAID: usize = 50;

    fn fields_of(&mut self, definition: Option<&str>, kubernetes: KubernetesFields<'_>) -> &[String] {
        self.known.get_or_insert_with(|| definition.map(kubernetes).unwrap_or_default())
    }

    fn is_one_of_many(&mut self, at: At) -> bool {
        self.count += 1;
        if self.count > Self::SAID {
            self.first_other.get_or_insert(at);
        }
        self.count > Self::SAID
    }

    fn report_others(&self, noun: &str, found: &mut Diagnostics) {
        if let Some(at) = self.first_other {
            let others = self.count - Self::SAID;
            UNKNOWN
                .report(format!("{noun} has none of the {others} fields from here on that are not said one by one"))
                .at(at, found);
        }
    }
}

fn short(definition: &str) -> &str {
    definition.rsplit('.').next().unwrap_or(definition)
}

impl Shape {
    /// Whether a value looks like this shape from outside.
    #[must_use]
    pub fn takes(self, node: &Node) -> bool {
        match self {
            Self::Any => true,
            Self::Scalar => !matches!(node.data, Data::List(_) | Data::Map(_) | Data::Null),
            Self::Text | Self::Words(_) => matches!(node.data, Data::Text(_)),
            Self::Int => matches!(node.data, Data::Int(_)),
            Self::Bool => matches!(node.data, Data::Bool(_)),
            Self::List(_) => matches!(node.data, Data::List(_)),
            Self::Map(_) | Self::Block(_) | Self::Kubernetes(_) => matches!(node.data, Data::Map(_)),
            Self::Either(shapes) | Self::Told(shapes, _) => shapes.iter().any(|shape| shape().takes(node)),
        }
    }

    /// What a person calls a value of this shape.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Text | Self::Scalar | Self::Words(_) => "text",
            Self::Int => "a whole number",
            Self::Bool => "true or false",
            Self::Any => "anything",
            Self::List(_) => "a list",
            Self::Map(_) | Self::Block(_) | Self::Kubernetes(_) => "a map",
            Self::Either(_) | Self::Told(..) => "one of several forms",
        }
    }
}

/// Says that a word is none of those allowed.
pub(crate) fn unknown_word(node: &Node, words: &[&'static str], found: &mut Diagnostics) {
    let text = node.as_str().unwrap_or_default();
    let near = nearest(text, words.iter().copied());
    CHOICE
        .report(format!("`{text}` is not a valid value here"))
        .meant(near, node.at, || format!("it may be {}", listing(words.iter().copied(), 12)))
        .at(node.at, found);
}

/// Declares a block once.
///
/// ```text
/// block! {
///     /// What it is for.
///     pub struct Name = "what a message calls it", needs [a], one_of [b, c], rest "KubernetesDefinition" {
///         /// What the field is for.
///         /// Example: `1`
///         field: Type,
///     }
/// }
/// ```
/// Every field becomes an `Option<Type>`.
macro_rules! block {
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $name:ident = $noun:literal
            $(, needs [$($needs:literal),*])? $(, one_of [$($one:literal),*])? $(, rest $rest:literal)? $(, with [$($with:ident),*])? {
            $( $(#[doc = $field_doc:literal])* $field:ident $(as $key:literal)? : $type:ty, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        #[allow(dead_code, clippy::struct_field_names, reason = "fields are named by users; not all of every block are asked for")]
        $vis struct $name {
            /// Where it is written.
            pub at: $crate::source::At,
            $( $(#[doc = $field_doc])* pub $field: Option<$type>, )*
            /// Fields in Kubernetes' own words.
            pub rest: $crate::value::Map,
        }

        impl $name {
            /// Its declaration.
            pub(crate) const BLOCK: $crate::block::Block = $crate::block::Block {
                noun: $noun,
                doc: concat!($($doc, "\n"),*),
                fields: &[$( $crate::block::Field {
                    name: $crate::block::key_name!($field $(, $key)?),
                    doc: concat!($($field_doc, "\n"),*),
                    shape: <$type as $crate::block::Read>::shape,
                } ),*],
                needs: &[$($($needs),*)?],
                one_of: &[$($($one),*)?],
                rest: $crate::block::rest_name!($($rest)?),
                with: &[$($(&$with::BLOCK),*)?],
            };

            /// Reads it out of a map that holds other blocks' fields too.
            pub(crate) fn read_beside(node: &$crate::value::Node, outer: &[&$crate::block::Block], found: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                let map = $crate::block::open(node, &Self::BLOCK, found)?;
                Some(Self {
                    at: node.at,
                    $( $field: $crate::block::field(map, $crate::block::key_name!($field $(, $key)?), found), )*
                    rest: $crate::block::rest(map, &Self::BLOCK, outer),
                })
            }
        }

        impl $crate::block::Read for $name {
            fn read(node: &$crate::value::Node, found: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                Self::read_beside(node, &[], found)
            }
            fn shape() -> $crate::block::Shape {
                $crate::block::Shape::Block(&Self::BLOCK)
            }
        }
    };
}

macro_rules! key_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident, $key:literal) => {
        $key
    };
}

macro_rules! rest_name {
    () => {
        None
    };
    ($rest:literal) => {
        Some($rest)
    };
}

/// Declares a type that is one of several others, told apart by what kind of value it is.
macro_rules! either {
    ($(#[doc = $doc:literal])* $vis:vis enum $name:ident { $( $(#[doc = $case_doc:literal])* $case:ident($type:ty), )* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        #[allow(clippy::large_enum_variant, reason = "a spec has few of them, and they do not live long")]
        $vis enum $name {
            $( $(#[doc = $case_doc])* $case($type), )*
        }

        impl $crate::block::Read for $name {
            fn read(node: &$crate::value::Node, found: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                $( if <$type as $crate::block::Read>::shape().takes(node) {
                    return <$type as $crate::block::Read>::read(node, found).map(Self::$case);
                } )*
                let mut wanted: Vec<&str> = vec![$( <$type as $crate::block::Read>::shape().noun() ),*];
                wanted.dedup();
                $crate::block::wrong_type(node, &wanted.join(" or "), found);
                None
            }
            fn shape() -> $crate::block::Shape {
                const SHAPES: &[fn() -> $crate::block::Shape] = &[$( <$type as $crate::block::Read>::shape ),*];
                $crate::block::Shape::Either(SHAPES)
            }
        }
    };
}

/// Declares a type that is one of a few words.
macro_rules! words {
    ($(#[doc = $doc:literal])* $vis:vis enum $name:ident { $( $(#[doc = $case_doc:literal])* $case:ident = $word:literal, )* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $( $(#[doc = $case_doc])* $case, )*
        }

        impl $name {
            const WORDS: &[&str] = &[$($word),*];
            /// The word.
            #[must_use]
            #[allow(dead_code, reason = "not every word is said again")]
            pub(crate) const fn word(self) -> &'static str {
                match self { $( Self::$case => $word, )* }
            }
        }

        impl $crate::block::Read for $name {
            fn read(node: &$crate::value::Node, found: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                match node.as_str() {
                    $( Some($word) => Some(Self::$case), )*
                    Some(_) => {
                        $crate::block::unknown_word(node, Self::WORDS, found);
                        None
                    }
                    None => {
                        $crate::block::wrong_type(node, "text", found);
                        None
                    }
                }
            }
            fn shape() -> $crate::block::Shape {
                $crate::block::Shape::Words(Self::WORDS)
            }
        }
    };
}

pub(crate) use {block, either, key_name, kubernetes, rest_name, words};
