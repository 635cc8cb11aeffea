//! Whether an expression is sound before anybody evaluates it: names that are declared, functions that there are, and
//! types that agree.
//! `checker.Check`, cel-go/checker, with the validators that the server adds. Evaluates nothing.

use super::call;
use super::kind::{Found, Kind, Object};
use super::signature;
use super::tree::{Fold, Kind as Folding, Literal, Operator, Tree};
use super::value::{self, Value};
use crate::api::custom::pattern;
use crate::k8s::version::Version;
use crate::value::{Node, Text};
use std::rc::Rc;

/// A name that an expression can use, and its type.
pub type Declared<'s> = (&'s str, Kind<'s>);

/// The type of an expression, with these names declared.
///
/// # Errors
/// The server's words, without the place in the expression.
pub(super) fn check<'s>(tree: &Tree, names: &[Declared<'s>], version: Version) -> Result<Kind<'s>, String> {
    let names = names.iter().map(|(name, kind)| (Text::new(name), kind.clone())).collect();
    let mut checker = Checker { names, declared: 0, found: Found::default(), alike: Vec::new(), formats: 0, version };
    checker.declared = checker.names.len();
    let kind = checker.kind(tree)?;
    let closed = |kind: &Kind<'s>| checker.found.put_in(kind, true);
    // `ValidateHomogeneousAggregateLiterals`
    if version >= Version::minor(30) && checker.alike.iter().any(|(one, other)| !closed(one).is(&closed(other))) {
        return Err("expected items of one type".to_owned());
    }
    Ok(closed(&kind))
}

/// The name that stands for the messages which policies make of changes, where they may.
pub const PATCHES: &str = "Object";

/// So many open types an expression may have.
const MOST_OPEN: usize = 5_000;

struct Checker<'s> {
    /// Those declared, and behind them those that macros bring.
    names: Vec<(Text, Kind<'s>)>,
    declared: usize,
    found: Found<'s>,
    /// Items that stand in one list, or keys or values in one map: in the end they are of one type, however little was
    /// known before.
    alike: Vec<(Kind<'s>, Kind<'s>)>,
    /// Inside what `format` is given, anything goes.
    formats: usize,
    version: Version,
}

type Outcome<'s> = Result<Kind<'s>, String>;

/// Names of types that are values too.
const TYPES: [(&str, &str); 18] = [
    ("bool", "bool"),
    ("bytes", "bytes"),
    ("double", "double"),
    ("dyn", "dyn"),
    ("int", "int"),
    ("list", "list"),
    ("map", "map"),
    ("null_type", "null"),
    ("string", "string"),
    ("type", "type"),
    ("uint", "uint"),
    ("optional_type", "optional_type"),
    ("google.protobuf.Duration", "duration"),
    ("google.protobuf.Timestamp", "time"),
    ("net.IP", "net.IP"),
    ("net.CIDR", "net.CIDR"),
    ("kubernetes.Quantity", "kubernetes.Quantity"),
    ("kubernetes.URL", "kubernetes.URL"),
];

impl<'s> Checker<'s> {
    fn kind(&mut self, tree: &Tree) -> Outcome<'s> {
        match tree {
            Tree::Literal(literal) => Ok(of_literal(literal)),
            Tree::Name(name) => self.name(name),
            Tree::Field { of, field, optional } => match self.qualified(tree) {
                Some(kind) => Ok(kind),
                None => self.field(of, field, *optional),
            },
            Tree::Has { of, field, optional } => self.field(of, field, *optional).map(|_| Kind::Bool),
            Tree::Index { of, index, optional } => self.call(if *optional { "[?]" } else { "[]" }, None, &[of, index]),
            Tree::Call { function, of, arguments } => {
                self.literals(function, of.as_deref(), arguments)?;
                let formats = usize::from(function == "format");
                self.formats += formats;
                let kind = self.call(function, of.as_deref(), &arguments.iter().collect::<Vec<_>>());
                self.formats -= formats;
                kind
            }
            Tree::List(items) => {
                let mut joined = None;
                for (item, optional) in items {
                    let kind = self.kind(item)?;
                    let kind = if *optional { self.inside(&kind)? } else { kind };
                    joined = Some(self.joined(joined, kind)?);
                }
                let inner = joined.unwrap_or_else(|| self.found.open());
                Ok(Kind::list(inner))
            }
            Tree::Map(entries) => {
                let (mut keys, mut values) = (None, None);
                for (key, value, optional) in entries {
                    let key = self.kind(key)?;
                    keys = Some(self.joined(keys, key)?);
                    let value = self.kind(value)?;
                    let value = if *optional { self.inside(&value)? } else { value };
                    values = Some(self.joined(values, value)?);
                }
                let (key, value) =
                    (keys.unwrap_or_else(|| self.found.open()), values.unwrap_or_else(|| self.found.open()));
                Ok(Kind::map(key, value))
            }
            Tree::Message { name, fields } => {
                for (_, value, optional) in fields {
                    let value = self.kind(value)?;
                    if *optional {
                        self.inside(&value)?;
                    }
                }
                let is_known = ["Object", "JSONPatch"].contains(&name.as_str()) || name.starts_with("Object.");
                if is_known && self.names.iter().any(|(known, _)| known == PATCHES) {
                    Ok(Kind::Message(name.clone()))
                } else {
                    Err(undeclared(name))
                }
            }
            Tree::Not(inner) => self.call("!", None, &[inner]),
            Tree::Negative(inner) => self.call("-", None, &[inner]),
            Tree::All(parts) | Tree::Any(parts) => {
                let sign = if matches!(tree, Tree::All(_)) { "&&" } else { "||" };
                for part in parts {
                    let kind = self.kind(part)?;
                    if !self.found.agrees(&kind, &Kind::Bool) {
                        return Err(no_overload(sign));
                    }
                }
                Ok(Kind::Bool)
            }
            Tree::If(parts) => self.call("?:", None, &parts.iter().collect::<Vec<_>>()),
            Tree::Binary(operator, parts) => self.call(sign(*operator), None, &[&parts[0], &parts[1]]),
            Tree::Fold(fold) => self.fold(fold),
        }
    }

    /// What a name stands for.
    fn name(&self, name: &Text) -> Outcome<'s> {
        let bound = self.names.iter().rev().find(|(known, _)| known == name).map(|(_, kind)| kind.clone());
        bound.or_else(|| of_type(name)).ok_or_else(|| undeclared(name))
    }

    /// What `a.b.c` stands for as one name: a type of a library, or what the authorizer has at hand.
    fn qualified(&self, tree: &Tree) -> Option<Kind<'s>> {
        let written = dotted(tree)?;
        let root = written.split('.').next()?;
        let is_bound = self.names[self.declared..].iter().any(|(name, _)| name == root);
        let has_authorizer = self.names.iter().any(|(name, _)| name == "authorizer");
        match written.as_str() {
            _ if is_bound => None,
            "authorizer.requestResource" if has_authorizer => {
                Some(Kind::Library("kubernetes.authorization.ResourceCheck"))
            }
            written => of_type(written),
        }
    }

    /// `a.b`: `checkSelectField`.
    fn field(&mut self, of: &Tree, field: &str, optional: bool) -> Outcome<'s> {
        let of = self.kind(of)?;
        let of = self.found.put_in(&of, false);
        let (of, was_optional) = match of {
            Kind::Optional(inner) => (self.found.put_in(&inner, false), true),
            of => (of, false),
        };
        let kind = match &of {
            Kind::Map(inner) => inner.1.clone(),
            Kind::Object(object) => field_of(object, field).ok_or_else(|| format!("undefined field '{field}'"))?,
            Kind::Open(_) => {
                self.found.agrees(&Kind::Any, &of);
                Kind::Any
            }
            Kind::Any | Kind::Message(_) => Kind::Any,
            _ => return Err("type does not support field selection".to_owned()),
        };
        Ok(if optional || was_optional { Kind::optional(kind) } else { kind })
    }

    /// A function or operator: the first signature that fits tells the type; where several fit that give others, it is
    /// open. `resolveOverload`.
    fn call(&mut self, function: &str, of: Option<&Tree>, arguments: &[&Tree]) -> Outcome<'s> {
        let mut given = Vec::with_capacity(arguments.len() + 1);
        for tree in of.into_iter().chain(arguments.iter().copied()) {
            let kind = self.kind(tree)?;
            given.push(kind);
        }
        let name = if matches!(function, "<=" | ">" | ">=") { "<" } else { function };
        let known = signature::of(name).unwrap_or_default().iter();
        let known = known.filter(|signature| Version::minor(signature.since) <= self.version);
        let mut is_known = false;
        let mut result: Option<Kind<'s>> = None;
        for signature in known {
            is_known = true;
            if signature.is_method != of.is_some() {
                continue;
            }
            if self.found.count() > MOST_OPEN {
                return Ok(Kind::Any);
            }
            let (takes, gives) = signature.fresh(&mut self.found);
            if self.found.all_agree(&given, &takes) {
                let gives = self.found.put_in(&gives, false);
                result = Some(match result {
                    Some(Kind::Any) => Kind::Any,
                    Some(before) if !gives.is(&before) => Kind::Any,
                    _ => gives,
                });
            }
        }
        match result {
            Some(kind) => Ok(kind),
            None if is_known => Err(no_overload(function)),
            None => Err(undeclared(function)),
        }
    }

    /// Two items of one list, or keys or values of one map: they have one type.
    fn joined(&mut self, before: Option<Kind<'s>>, kind: Kind<'s>) -> Outcome<'s> {
        let Some(before) = before else { return Ok(kind) };
        if self.formats == 0 {
            self.alike.push((before.clone(), kind.clone()));
        }
        if self.found.all_agree(std::slice::from_ref(&before), std::slice::from_ref(&kind)) {
            return Ok(before.of_both(kind));
        }
        Err("expected items of one type".to_owned())
    }

    /// What an optional value holds.
    fn inside(&mut self, kind: &Kind<'s>) -> Outcome<'s> {
        let open = self.found.open();
        let optional = Kind::optional(open.clone());
        if self.found.all_agree(std::slice::from_ref(kind), &[optional]) {
            Ok(self.found.put_in(&open, false))
        } else {
            Err("expected type 'optional_type'".to_owned())
        }
    }

    /// A macro: `checkComprehension`, of what it stands for.
    fn fold(&mut self, fold: &Fold) -> Outcome<'s> {
        self.is_there(fold)?;
        let of = self.kind(&fold.of)?;
        let of = self.found.put_in(&of, false);
        if matches!(fold.kind, Folding::Inside | Folding::Flat) {
            let inner = self.inside(&of)?;
            let kind = self.bound(&[(&fold.first, inner)], &fold.body)?;
            return if fold.kind == Folding::Inside {
                Ok(Kind::optional(kind))
            } else {
                let inner = self.inside(&kind)?;
                Ok(Kind::optional(inner))
            };
        }
        let (first, second) = match (&of, fold.second.is_some()) {
            (Kind::List(item), false) => ((**item).clone(), Kind::Any),
            (Kind::List(item), true) => (Kind::Int, (**item).clone()),
            (Kind::Map(entry), _) => entry.as_ref().clone(),
            (Kind::Any, _) => (Kind::Any, Kind::Any),
            (Kind::Open(_), _) => {
                self.found.agrees(&Kind::Any, &of);
                (Kind::Any, Kind::Any)
            }
            _ => return Err("expression cannot be range of a comprehension (must be list, map, or dynamic)".to_owned()),
        };
        let mut names = vec![(&fold.first, first.clone())];
        names.extend(fold.second.as_ref().map(|name| (name, second)));
        let body = self.bound(&names, &fold.body)?;
        let is_condition = fold.result.is_some()
            || matches!(fold.kind, Folding::All | Folding::Exists | Folding::One | Folding::Filter);
        if is_condition && !self.found.agrees(&body, &Kind::Bool) {
            return Err(no_overload(if fold.kind == Folding::Exists { "||" } else { "&&" }));
        }
        let made = match &fold.result {
            Some(result) => self.bound(&names, result)?,
            None => body,
        };
        Ok(match fold.kind {
            Folding::All | Folding::Exists | Folding::One => Kind::Bool,
            Folding::Filter => Kind::list(first),
            Folding::List => Kind::list(made),
            Folding::Map => Kind::map(first, made),
            Folding::Entries => {
                let made = self.found.put_in(&made, false);
                let (key, value) = (self.found.open(), self.found.open());
                let map = Kind::map(key, value);
                if !self.found.all_agree(&[made], std::slice::from_ref(&map)) {
                    return Err(no_overload("cel.@mapInsert"));
                }
                map
            }
            Folding::Sort => {
                if !self.has_order(&made) {
                    return Err(no_overload("@sortByAssociatedKeys"));
                }
                of
            }
            Folding::Inside | Folding::Flat => Kind::Any,
        })
    }

    fn has_order(&mut self, kind: &Kind<'s>) -> bool {
        let kind = self.found.put_in(kind, false);
        matches!(
            kind,
            Kind::Any
                | Kind::Open(_)
                | Kind::Bool
                | Kind::Bytes
                | Kind::Double
                | Kind::Duration
                | Kind::Int
                | Kind::Text
                | Kind::Time
                | Kind::Uint
        )
    }

    /// Whether this version knows a macro.
    fn is_there(&self, fold: &Fold) -> Result<(), String> {
        let since = match fold.kind {
            Folding::Inside | Folding::Flat => 29,
            Folding::Map | Folding::Entries => 33,
            Folding::Sort => 35,
            _ if fold.second.is_some() => 33,
            _ => 0,
        };
        if self.version < Version::minor(since) { Err(undeclared(&fold.first)) } else { Ok(()) }
    }

    /// An expression with more names.
    fn bound(&mut self, names: &[(&Text, Kind<'s>)], tree: &Tree) -> Outcome<'s> {
        let before = self.names.len();
        self.names.extend(names.iter().map(|(name, kind)| ((*name).clone(), kind.clone())));
        let outcome = self.kind(tree);
        self.names.truncate(before);
        outcome
    }

    /// Texts that are written out must mean what the function takes them for: `ValidateDurationLiterals` and its like.
    fn literals(&self, function: &str, of: Option<&Tree>, arguments: &[Tree]) -> Result<(), String> {
        let (("matches", Some(_), [Tree::Literal(Literal::Text(written))])
        | ("matches", None, [_, Tree::Literal(Literal::Text(written))])
        | ("duration" | "timestamp", None, [Tree::Literal(Literal::Text(written))])) = (function, of, arguments)
        else {
            return Ok(());
        };
        if self.version < Version::minor(30) {
            return Ok(());
        }
        let is_sound = if function == "matches" {
            pattern::is_pattern(written)
        } else {
            let mut left = u64::MAX;
            call::call(function, None, vec![Value::Text(written.clone())], &mut left).is_ok()
        };
        if is_sound { Ok(()) } else { Err(format!("invalid {function} argument")) }
    }
}

fn of_literal<'s>(literal: &Literal) -> Kind<'s> {
    match literal {
        Literal::Null => Kind::Null,
        Literal::Bool(_) => Kind::Bool,
        Literal::Int(_) => Kind::Int,
        Literal::Uint(_) => Kind::Uint,
        Literal::Double(_) => Kind::Double,
        Literal::Text(_) => Kind::Text,
        Literal::Bytes(_) => Kind::Bytes,
    }
}

fn of_type<'s>(name: &str) -> Option<Kind<'s>> {
    let (_, word) = TYPES.iter().find(|(known, _)| *known == name)?;
    let kind = match *word {
        "list" => Kind::list(Kind::Any),
        "map" => Kind::map(Kind::Any, Kind::Any),
        "optional_type" => Kind::optional(Kind::Any),
        "type" => Kind::Type(Rc::new(Kind::Any)),
        word => signature::plain(word),
    };
    Some(Kind::Type(Rc::new(kind)))
}

fn dotted(tree: &Tree) -> Option<String> {
    match tree {
        Tree::Name(name) => Some(name.to_string()),
        Tree::Field { of, field, optional: false } => Some(format!("{}.{field}", dotted(of)?)),
        _ => None,
    }
}

const fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "==",
        Operator::Unequal => "!=",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::In => "in",
        Operator::Add => "+",
        // That of one value is called `-`.
        Operator::Subtract => "--",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::Remainder => "%",
    }
}

fn undeclared(name: &str) -> String {
    format!("undeclared reference to '{name}' (in container '')")
}

fn no_overload(sign: &str) -> String {
    let sign = if sign == "--" { "-" } else { sign };
    format!("found no matching overload for '_{sign}_'")
}

// ---- schemas

/// The type of what a schema describes: `SchemaDeclType`, k8s.io/apiserver/pkg/cel/common. None where rules cannot see
/// it.
#[must_use]
pub fn of_schema(schema: &Node, is_resource: bool) -> Option<Kind<'_>> {
    let is = |word: &str| schema.get(word).and_then(Node::as_bool) == Some(true);
    if is("x-kubernetes-int-or-string") {
        return Some(Kind::Any);
    }
    let word = |key: &str| schema.get(key).and_then(Node::as_str).unwrap_or_default();
    let kind = if is_resource { "object" } else { word("type") };
    let inner = |schema: &'_ Node| schema.get("x-kubernetes-embedded-resource").and_then(Node::as_bool) == Some(true);
    match kind {
        "array" => {
            let items = schema.get("items")?;
            Some(Kind::list(of_schema(items, inner(items))?))
        }
        "object" => match schema.get("additionalProperties").filter(|values| values.as_map().is_some()) {
            Some(values) => Some(Kind::map(Kind::Text, of_schema(values, inner(values))?)),
            None => Some(Kind::Object(Object::Schema(schema, is_resource))),
        },
        "string" => Some(match word("format") {
            "byte" => Kind::Bytes,
            "duration" => Kind::Duration,
            "date" | "date-time" => Kind::Time,
            _ => Kind::Text,
        }),
        "boolean" => Some(Kind::Bool),
        "number" => Some(Kind::Double),
        "integer" => Some(Kind::Int),
        _ => None,
    }
}

/// The type of a field of an object; none if it has none that can be seen.
fn field_of<'s>(object: &Object<'s>, field: &str) -> Option<Kind<'s>> {
    match object {
        Object::Fields(fields) => fields.iter().find(|(name, _)| name == field).map(|(_, kind)| kind.clone()),
        Object::Schema(_, true) if matches!(field, "apiVersion" | "kind") => Some(Kind::Text),
        Object::Schema(_, true) if field == "metadata" => Some(Kind::Object(Object::Metadata)),
        Object::Metadata => matches!(field, "name" | "generateName").then_some(Kind::Text),
        Object::Schema(schema, _) => {
            let properties = schema.get("properties")?;
            let plain = value::unescaped(field);
            let schema = plain.as_deref().and_then(|plain| properties.get(plain)).or_else(|| properties.get(field))?;
            of_schema(schema, schema.get("x-kubernetes-embedded-resource").and_then(Node::as_bool) == Some(true))
        }
    }
}

// ---- what policies see

fn fields<'s, const N: usize>(fields: [(&str, Kind<'s>); N]) -> Kind<'s> {
    Kind::Object(Object::Fields(Rc::new(fields.into_iter().map(|(name, kind)| (Text::new(name), kind)).collect())))
}

/// `request`: `BuildRequestType`, k8s.io/apiserver/pkg/admission/plugin/cel.
#[must_use]
pub fn of_request<'s>() -> Kind<'s> {
    let text = || Kind::Text;
    let kind = fields([("group", text()), ("version", text()), ("kind", text())]);
    let resource = fields([("group", text()), ("version", text()), ("resource", text())]);
    let user = fields([
        ("username", text()),
        ("uid", text()),
        ("groups", Kind::list(text())),
        ("extra", Kind::map(text(), Kind::list(text()))),
    ]);
    fields([
        ("kind", kind.clone()),
        ("resource", resource.clone()),
        ("subResource", text()),
        ("requestKind", kind),
        ("requestResource", resource),
        ("requestSubResource", text()),
        ("name", text()),
        ("namespace", text()),
        ("operation", text()),
        ("userInfo", user),
        ("dryRun", Kind::Bool),
        ("options", Kind::Any),
    ])
}

/// `namespaceObject`: `BuildNamespaceType`, k8s.io/apiserver/pkg/admission/plugin/cel.
#[must_use]
pub fn of_namespace<'s>() -> Kind<'s> {
    let text = || Kind::Text;
    let labels = || Kind::map(text(), text());
    let metadata = fields([
        ("name", text()),
        ("generateName", text()),
        ("namespace", text()),
        ("labels", labels()),
        ("annotations", labels()),
        ("UID", text()),
        ("creationTimestamp", Kind::Time),
        ("deletionGracePeriodSeconds", Kind::Int),
        ("deletionTimestamp", Kind::Time),
        ("generation", Kind::Int),
        ("resourceVersion", text()),
        ("finalizers", Kind::list(text())),
    ]);
    let finalizers = fields([("finalizers", Kind::list(text()))]);
    let condition = fields([
        ("status", text()),
        ("type", text()),
        ("lastTransitionTime", Kind::Time),
        ("message", text()),
        ("reason", text()),
    ]);
    let status = fields([("conditions", Kind::list(condition)), ("phase", text())]);
    fields([("metadata", metadata), ("spec", finalizers), ("status", status)])
}

/// `variables`: one field for each that was declared before.
#[must_use]
pub fn of_variables<'s>(declared: &[(Text, Kind<'s>)]) -> Kind<'s> {
    Kind::Object(Object::Fields(Rc::new(declared.to_vec())))
}

/// A variable's type as those after it see it: `convertCelTypeToDeclType`, k8s.io/apiserver/pkg/admission/plugin/cel.
#[must_use]
pub fn as_variable<'s>(kind: &Kind<'_>) -> Kind<'s> {
    match kind {
        Kind::Null => Kind::Null,
        Kind::Bool => Kind::Bool,
        Kind::Int => Kind::Int,
        Kind::Uint => Kind::Uint,
        Kind::Double => Kind::Double,
        Kind::Text => Kind::Text,
        Kind::Bytes => Kind::Bytes,
        Kind::Duration => Kind::Duration,
        Kind::Time => Kind::Time,
        Kind::List(of) => Kind::list(as_variable(of)),
        Kind::Map(of) => Kind::map(as_variable(&of.0), as_variable(&of.1)),
        _ => Kind::Any,
    }
}
