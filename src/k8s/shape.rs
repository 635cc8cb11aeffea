//! The shape of every built-in kind in every known version: which fields there are and of what type. Knows nothing of
//! rules.
//!
//! `schemas/kubernetes` holds the shapes as sorted lines. They are found by binary search and read when they are first
//! met, so a run pays for the kinds that it meets and for nothing else.

use super::version::Version;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

const KINDS_TEXT: &str = include_str!("../../schemas/kubernetes/kinds.txt");
const SHAPES_TEXT: &str = include_str!("../../schemas/kubernetes/shapes.txt");

static KINDS: Lines = Lines { text: KINDS_TEXT, starts: &starts::<{ count(KINDS_TEXT) }>(KINDS_TEXT) };
static SHAPES: Lines = Lines { text: SHAPES_TEXT, starts: &starts::<{ count(SHAPES_TEXT) }>(SHAPES_TEXT) };

/// A sorted text. Where its lines begin is worked out by the compiler, so that no run looks for it.
struct Lines {
    text: &'static str,
    starts: &'static [u32],
}

/// A struct of the API in one version of Kubernetes: `PodSpec` of 1.33. Cheap to copy; equal only to itself.
#[derive(Clone, Copy)]
pub struct Shape(&'static Definition);

struct Definition {
    name: &'static str,
    version: Version,
    is_atomic: bool,
    fields: Box<[Slot]>,
}

/// A field as the text has it, read when somebody asks for it: of the many that a kind has, few are in a manifest.
struct Slot {
    name: &'static str,
    rest: &'static str,
    field: OnceLock<Option<Box<Field>>>,
}

/// A field of a struct.
pub struct Field {
    /// As manifests write it.
    pub name: &'static str,
    /// What it holds.
    pub form: Form,
    /// The Go structs that embed it, as decoders name them in paths: `PersistentVolumeSource`.
    pub embedded: Option<&'static str>,
    go: Option<&'static str>,
    /// Lists merge by this key in a strategic merge.
    pub merge_key: Option<&'static str>,
    strategy: &'static str,
    /// `map`, `set` or `atomic` in a server-side apply; empty where nothing is said.
    pub list_type: &'static str,
    keys: &'static str,
    /// `atomic` or `granular` in a server-side apply; empty where nothing is said.
    pub map_type: &'static str,
    /// When the server leaves it out of what it writes.
    pub omitted: Omitted,
}

/// When a field is left out of what a server writes. What is left out when it is empty is to the server the same as
/// absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Omitted {
    /// When it is empty, zero or false.
    Empty,
    /// Only when it is null.
    Null,
    /// Never: what is absent is written as empty, zero or false.
    Never,
    /// Never: what is absent is written as null.
    NeverNull,
}

/// What a field, an item or an entry holds.
pub enum Form {
    /// Text.
    Text,
    /// Bytes, in base 64.
    Bytes,
    /// A truth value.
    Bool,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A number.
    Float,
    /// `500m`, `1Gi`, or a number.
    Quantity,
    /// A number or a name, such as a port.
    IntOrText,
    /// A point in time.
    Time,
    /// The same, to the microsecond.
    MicroTime,
    /// Any object.
    Raw,
    /// Anything.
    Any,
    /// A struct.
    Struct(Link),
    /// Many of them.
    List(Box<Form>),
    /// Many of them, by name.
    Map(Box<Form>),
}

/// The name of a struct, tied to it when somebody asks.
pub struct Link {
    name: &'static str,
    version: Version,
    found: OnceLock<Option<Shape>>,
}

/// A kind that the API server itself serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// `StatefulSet`.
    pub kind: &'static str,
    /// `apps/v1`.
    pub api_version: &'static str,
    /// Whether it lives in a namespace.
    pub namespaced: bool,
    versions: u16,
    shape: &'static str,
}

/// The shape of a kind; none if that version does not have it.
#[must_use]
pub fn shape_of(api_version: &str, kind: &str, version: Version) -> Option<Shape> {
    let known = find(api_version, kind).filter(|known| known.is_in(version))?;
    MET.with_borrow_mut(|met| {
        let shape =
            met.shapes.iter().find(|(name, shape)| std::ptr::eq(*name, known.shape) && shape.version() == version);
        shape.map(|(_, shape)| *shape).or_else(|| {
            let shape = Shape::named(known.shape, version)?;
            met.shapes.push((known.shape, shape));
            Some(shape)
        })
    })
}

/// A kind that at least one known version has.
#[must_use]
pub fn find(api_version: &str, kind: &str) -> Option<BuiltIn> {
    MET.with_borrow_mut(|met| {
        let known = met.kinds.iter().find(|known| known.kind == kind && known.api_version == api_version);
        known.copied().or_else(|| {
            let known = versions_of(kind).find(|known| known.api_version == api_version)?;
            met.kinds.push(known);
            Some(known)
        })
    })
}

/// The kinds that a thread has met, each of which it will meet a thousand times.
#[derive(Default)]
struct Met {
    kinds: Vec<BuiltIn>,
    shapes: Vec<(&'static str, Shape)>,
}

thread_local! {
    static MET: RefCell<Met> = RefCell::default();
}

/// A kind under every apiVersion that at least one known version has it under.
pub fn versions_of(kind: &str) -> impl Iterator<Item = BuiltIn> + Clone {
    KINDS.from(kind).map_while(move |line| BuiltIn::read(line).filter(|known| known.kind == kind))
}

/// All kinds of a version, by name.
pub fn kinds(version: Version) -> impl Iterator<Item = BuiltIn> {
    KINDS.from("").filter_map(BuiltIn::read).filter(move |known| known.is_in(version))
}

impl BuiltIn {
    fn read(line: &'static str) -> Option<Self> {
        let mut words = line.split(' ');
        let (kind, api_version) = (words.next()?, words.next()?);
        let versions = u16::from_str_radix(words.next()?, 16).ok()?;
        Some(Self { kind, api_version, namespaced: words.next()? == "namespaced", versions, shape: words.next()? })
    }

    /// Whether that version has it.
    #[must_use]
    pub const fn is_in(&self, version: Version) -> bool {
        self.versions & (1 << version.index()) != 0
    }
}

impl Shape {
    /// A struct by the short form of its name: `core.v1.PodSpec`, `meta.v1.ObjectMeta`.
    #[must_use]
    pub fn named(name: &str, version: Version) -> Option<Self> {
        static KNOWN: Mutex<BTreeMap<(Version, usize), Shape>> = Mutex::new(BTreeMap::new());
        let bit = 1_u16 << version.index();
        let has = |line: &&str| {
            line.split(' ')
                .nth(1)
                .and_then(|bits| u16::from_str_radix(bits, 16).ok())
                .is_some_and(|bits| bits & bit != 0)
        };
        let line = SHAPES.from(name).take_while(|line| word(line) == name).find(has)?;
        let place = line.as_ptr() as usize;
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        Some(
            *known
                .entry((version, place))
                .or_insert_with(|| Self(Box::leak(Box::new(Definition::read(line, version))))),
        )
    }

    /// The short form of its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// The version of Kubernetes it belongs to.
    #[must_use]
    pub const fn version(self) -> Version {
        self.0.version
    }

    /// The name that decoders give it: `PodSpec`.
    #[must_use]
    pub fn go_name(self) -> &'static str {
        self.0.name.rsplit('.').next().unwrap_or_default()
    }

    /// Whether a server-side apply takes it whole, unless the field that holds it says otherwise.
    #[must_use]
    pub const fn is_atomic(self) -> bool {
        self.0.is_atomic
    }

    /// A field by its name.
    #[must_use]
    pub fn field(self, name: &str) -> Option<&'static Field> {
        let slots = &self.0.fields;
        let position = slots.binary_search_by(|slot| slot.name.cmp(name)).ok()?;
        slots[position].field(self.version())
    }

    /// All fields, by name.
    pub fn fields(self) -> impl Iterator<Item = &'static Field> {
        self.0.fields.iter().filter_map(move |slot| slot.field(self.version()))
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of {}", self.0.name, self.0.version)
    }
}

impl Definition {
    fn read(line: &'static str, version: Version) -> Self {
        let mut fields = Vec::with_capacity(line.bytes().filter(|letter| *letter == b'=').count());
        // Most of a run for one app was spent on cutting these lines with `split`: words are short, and many.
        let (mut start, mut equals) = (0, None);
        for (position, letter) in line.bytes().chain([b' ']).enumerate() {
            match letter {
                b'=' if equals.is_none() => equals = Some(position),
                b' ' => {
                    if let Some(equals) = equals.take() {
                        let (name, rest) = (&line[start..equals], &line[equals + 1..position]);
                        fields.push(Slot {
                            name: name.strip_suffix('!').unwrap_or(name),
                            rest,
                            field: OnceLock::new(),
                        });
                    }
                    start = position + 1;
                }
                _ => {}
            }
        }
        let is_atomic = line.split(' ').nth(2) == Some("atomic");
        Self { name: word(line), version, is_atomic, fields: fields.into_boxed_slice() }
    }
}

impl Slot {
    fn field(&'static self, version: Version) -> Option<&'static Field> {
        self.field.get_or_init(|| Field::read(self.name, self.rest, version).map(Box::new)).as_deref()
    }
}

impl Field {
    fn read(name: &'static str, rest: &'static str, version: Version) -> Option<Self> {
        let mut parts = rest.split(',');
        let form = Form::read(parts.next()?, version);
        let omitted = if matches!(form, Form::Struct(_)) { Omitted::Null } else { Omitted::Empty };
        let mut field = Self {
            name,
            form,
            embedded: None,
            go: None,
            merge_key: None,
            strategy: "",
            list_type: "",
            keys: "",
            map_type: "",
            omitted,
        };
        for part in parts {
            match part.split_once(':')? {
                ("in", structs) => field.embedded = Some(structs),
                ("go", name) => field.go = Some(name),
                ("merge", key) => field.merge_key = Some(key),
                ("patch", strategy) => field.strategy = strategy,
                ("list", kind) => field.list_type = kind,
                ("keys", keys) => field.keys = keys,
                ("map", kind) => field.map_type = kind,
                ("omit", word) => field.omitted = Omitted::read(word),
                _ => {}
            }
        }
        Some(field)
    }

    /// The struct that it, its items or its entries are.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        self.form.shape()
    }

    /// Whether a strategic merge merges its items, by [`Field::merge_key`] or, without one, as a set.
    #[must_use]
    pub fn merges(&self) -> bool {
        self.strategy.split('+').any(|strategy| strategy == "merge")
    }

    /// Whether a strategic merge keeps only those keys of the stored value that the manifest names.
    #[must_use]
    pub fn retains_keys(&self) -> bool {
        self.strategy.split('+').any(|strategy| strategy == "retainKeys")
    }

    /// Whether a strategic merge puts the new value in place of the old one, whole.
    #[must_use]
    pub fn replaces(&self) -> bool {
        self.strategy.split('+').any(|strategy| strategy == "replace")
    }

    /// The keys that tell its items apart in a server-side apply.
    pub fn list_keys(&self) -> impl Iterator<Item = &'static str> {
        self.keys.split('+').filter(|key| !key.is_empty())
    }

    /// Its Go type, as decoders name it: `v1.PersistentVolumeMode`, `[]v1.Container`.
    #[must_use]
    pub fn go_type(&self) -> String {
        self.go.map_or_else(|| self.form.go_type(), str::to_owned)
    }
}

impl Omitted {
    fn read(word: &str) -> Self {
        match word {
            "null" => Self::Null,
            "never" => Self::Never,
            "never-null" => Self::NeverNull,
            _ => Self::Empty,
        }
    }
}

impl Form {
    fn read(code: &'static str, version: Version) -> Self {
        if let Some(inner) = code.strip_prefix("[]") {
            return Self::List(Box::new(Self::read(inner, version)));
        }
        if let Some(inner) = code.strip_prefix("{}") {
            return Self::Map(Box::new(Self::read(inner, version)));
        }
        match code {
            "s" => Self::Text,
            "y" => Self::Bytes,
            "b" => Self::Bool,
            "i" => Self::Int32,
            "l" => Self::Int64,
            "f" => Self::Float,
            "q" => Self::Quantity,
            "x" => Self::IntOrText,
            "t" => Self::Time,
            "u" => Self::MicroTime,
            "r" => Self::Raw,
            "a" => Self::Any,
            name => Self::Struct(Link { name, version, found: OnceLock::new() }),
        }
    }

    /// The struct that it, its items or its entries are.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        let mut form = self;
        loop {
            match form {
                Self::List(inner) | Self::Map(inner) => form = inner,
                Self::Struct(link) => return link.shape(),
                _ => return None,
            }
        }
    }

    /// The Go type that stands for it unless the field says otherwise.
    #[must_use]
    pub fn go_type(&self) -> String {
        match self {
            Self::Text => "string".into(),
            Self::Bytes => "[]uint8".into(),
            Self::Bool => "bool".into(),
            Self::Int32 => "int32".into(),
            Self::Int64 => "int64".into(),
            Self::Float => "float64".into(),
            Self::Quantity => "resource.Quantity".into(),
            Self::IntOrText => "intstr.IntOrString".into(),
            Self::Time => "v1.Time".into(),
            Self::MicroTime => "v1.MicroTime".into(),
            Self::Raw => "runtime.RawExtension".into(),
            Self::Any => "interface {}".into(),
            Self::Struct(link) => link.go_type().into(),
            Self::List(inner) => format!("[]{}", inner.go_type()),
            Self::Map(inner) => format!("map[string]{}", inner.go_type()),
        }
    }
}

impl Link {
    /// The struct.
    pub fn shape(&self) -> Option<Shape> {
        *self.found.get_or_init(|| Shape::named(self.name, self.version))
    }

    /// `v1.PodSpec`
    fn go_type(&self) -> &'static str {
        self.name.match_indices('.').rev().nth(1).map_or(self.name, |(dot, _)| &self.name[dot + 1..])
    }
}

/// The first word of a line.
fn word(line: &str) -> &str {
    let end = line.bytes().position(|byte| byte == b' ').unwrap_or(line.len());
    &line[..end]
}

impl Lines {
    fn line(&self, index: usize) -> &'static str {
        let end = self.starts.get(index + 1).map_or(self.text.len(), |next| *next as usize);
        self.text[self.starts[index] as usize..end].trim_end_matches('\n')
    }

    /// The lines from the first that does not come before `key`.
    fn from(&self, key: &str) -> impl Iterator<Item = &'static str> + Clone {
        let (mut low, mut high) = (0, self.starts.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if word(self.line(middle)) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low..self.starts.len()).map(|index| self.line(index))
    }
}

const fn count(text: &str) -> usize {
    let (bytes, mut at, mut lines) = (text.as_bytes(), 0, 0);
    while at < bytes.len() {
        if at == 0 || bytes[at - 1] == b'\n' {
            lines += 1;
        }
        at += 1;
    }
    lines
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the texts are far shorter than 4 GB, and the compiler looks at each of their bytes"
)]
const fn starts<const N: usize>(text: &str) -> [u32; N] {
    let (bytes, mut at, mut line, mut starts) = (text.as_bytes(), 0, 0, [0; N]);
    while at < bytes.len() {
        if at == 0 || bytes[at - 1] == b'\n' {
            starts[line] = at as u32;
            line += 1;
        }
        at += 1;
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_every_version_can_be_walked() {
        for version in Version::all() {
            let mut left: Vec<Shape> = Vec::new();
            for known in kinds(version) {
                let shape = shape_of(known.api_version, known.kind, version);
                left.push(shape.unwrap_or_else(|| panic!("{known:?}")));
            }
            let mut seen: Vec<&str> = Vec::new();
            while let Some(shape) = left.pop() {
                if seen.contains(&shape.name()) {
                    continue;
                }
                seen.push(shape.name());
                assert!(shape.fields().map(|field| field.name).is_sorted(), "{shape:?}");
                for field in shape.fields() {
                    let mut form = &field.form;
                    while let Form::List(inner) | Form::Map(inner) = form {
                        form = inner;
                    }
                    if let Form::Struct(link) = form {
                        left.push(link.shape().unwrap_or_else(|| panic!("{} of {shape:?}", field.name)));
                    }
                }
            }
            assert!(seen.len() > 300, "{version}: {}", seen.len());
        }
    }

    #[test]
    fn lines_can_be_cut_anywhere() {
        assert!(KINDS_TEXT.is_ascii() && SHAPES_TEXT.is_ascii());
    }

    #[test]
    fn fields_know_their_merge() {
        let set = shape_of("apps/v1", "StatefulSet", Version::NEWEST).unwrap();
        let pod = set
            .field("spec")
            .and_then(Field::shape)
            .and_then(|spec| spec.field("template")?.shape()?.field("spec")?.shape())
            .unwrap();
        assert_eq!((pod.name(), pod.go_name()), ("core.v1.PodSpec", "PodSpec"));
        let volumes = pod.field("volumes").unwrap();
        assert_eq!((volumes.merge_key, volumes.merges(), volumes.retains_keys()), (Some("name"), true, true));
        assert_eq!(volumes.go_type(), "[]v1.Volume");
        let secret = volumes.shape().unwrap().field("secret").unwrap();
        assert_eq!(secret.embedded, Some("VolumeSource"));
        let port = pod.field("containers").unwrap().shape().unwrap().field("ports").unwrap();
        assert_eq!(
            (port.merge_key, port.list_keys().collect::<Vec<_>>()),
            (Some("containerPort"), vec!["containerPort", "protocol"])
        );
        assert!(pod.field("Volumes").is_none());
    }

    #[test]
    fn kinds_come_and_go() {
        let policy = |minor| {
            shape_of("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", Version::minor(minor)).is_some()
        };
        assert_eq!((policy(29), policy(30)), (false, true));
        assert_eq!(find("v1", "Namespace").map(|known| known.namespaced), Some(false));
        assert_eq!(find("v1", "Pod").map(|known| known.namespaced), Some(true));
        for (api_version, kind) in
            [("v2", "Pod"), ("", "Pod"), ("v1", ""), ("v1", "A"), ("v1", "Zzz"), ("v1", "PodList")]
        {
            assert_eq!(find(api_version, kind), None, "{api_version} {kind}");
        }
    }
}
