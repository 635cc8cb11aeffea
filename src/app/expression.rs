//! Expressions in the spec's texts: `{{ … }}` in minijinja's expression language, with bounded work and bounded output. Knows
//! names and values; not where they come from.

use crate::diagnostic::{Code, Diagnostics, Level, listing, nearest};
use crate::source::At;
use crate::value::{Data, Map, Node, Text};
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, filters};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// A name that no expression knows here.
static UNDEFINED: Code = Code { id: "SW0120", name: "undefined-name", level: Level::Error, page: include_str!("pages/undefined-name.md") };
/// An expression that cannot be read or evaluated.
static EXPRESSION: Code = Code { id: "SW0121", name: "bad-expression", level: Level::Error, page: include_str!("pages/bad-expression.md") };
/// An expression that is too long, works too long, or makes too much.
static LIMIT: Code =
    Code { id: "SW0122", name: "expression-too-large", level: Level::Error, page: include_str!("pages/expression-too-large.md") };

/// The codes of this module.
pub static CODES: &[&Code] = &[&UNDEFINED, &EXPRESSION, &LIMIT];

/// Steps that one expression may take.
const FUEL: u64 = 50_000;
/// Bytes that one expression may be, and make.
const LONGEST: usize = 4096;
const LARGEST: usize = 256 * 1024;

/// What the names in an expression stand for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    values: BTreeMap<String, Value>,
}

impl Names {
    /// Adds a name.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// The names with one more: what an ordinal adds.
    #[must_use]
    pub fn with<const N: usize>(&self, more: [(&str, Value); N]) -> Self {
        let mut names = self.clone();
        for (name, value) in more {
            names.set(name, value);
        }
        names
    }
}

/// Evaluates every text of a tree.
pub fn evaluate(node: &Node, names: &Names, found: &mut Diagnostics) -> Node {
    match &node.data {
        Data::Text(text) if text.contains("{{") => evaluate_text(text, node.at, names, found).unwrap_or(Node::null(node.at)),
        Data::List(items) => Node::list(items.iter().map(|item| evaluate(item, names, found)).collect(), node.at),
        Data::Map(map) => {
            let map: Map = map.iter().map(|(key, value)| (key.clone(), evaluate(value, names, found))).collect();
            Node::map(map, node.at)
        }
        _ => node.clone(),
    }
}

/// Evaluates one text. If all of it is one expression, the value keeps its type.
pub fn evaluate_text(text: &str, at: At, names: &Names, found: &mut Diagnostics) -> Option<Node> {
    let pieces = match pieces(text) {
        Ok(pieces) => pieces,
        Err(opening) => {
            EXPRESSION
                .report(format!("`{}` opens an expression that does not end", shown(opening)))
                .help("end it with `}}`; write `{{ '{{' }}` for two braces that are meant as such")
                .at(at, found);
            return None;
        }
    };
    if let [Piece::Expression(source)] = pieces[..] {
        let value = run(source, at, names, found)?;
        return from_value(&value, at).or_else(|| {
            EXPRESSION.report(format!("`{}` gives nothing that a manifest can hold", shown(source))).at(at, found);
            None
        });
    }
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Expression(source) => {
                let value = run(source, at, names, found)?;
                match from_value(&value, at).map(|node| node.data) {
                    Some(Data::Text(text)) => out.push_str(&text),
                    Some(Data::Int(value)) => {
                        let _ = write!(out, "{value}");
                    }
                    Some(Data::Float(value)) => {
                        let _ = write!(out, "{value}");
                    }
                    Some(Data::Bool(value)) => {
                        let _ = write!(out, "{value}");
                    }
                    _ => {
                        EXPRESSION
                            .report(format!("`{}` gives {}, which cannot stand inside a text", shown(source), noun(&value)))
                            .help("join a list first: `| join(',')`")
                            .at(at, found);
                        return None;
                    }
                }
            }
        }
        if out.len() > LARGEST {
            too_much(at, found);
            return None;
        }
    }
    Some(Node::text(out, at))
}

/// A piece of a text.
enum Piece<'t> {
    Text(&'t str),
    Expression(&'t str),
}

/// Takes a text apart at its braces; an expression ends at the first `}}` outside of quotes and of braces of its own.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, &str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some(start) = rest.find("{{") {
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        let inside = &rest[start + 2..];
        let end = expression_end(inside).ok_or(&rest[start..])?;
        pieces.push(Piece::Expression(inside[..end].trim()));
        rest = &inside[end + 2..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

fn expression_end(inside: &str) -> Option<usize> {
    let (mut quote, mut depth, mut escaped) = (None, 0_usize, false);
    for (offset, byte) in inside.bytes().enumerate() {
        match (quote, byte) {
            (Some(_), b'\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), _) if byte == open && !escaped => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if inside.as_bytes().get(offset + 1) == Some(&b'}') => return Some(offset),
            _ => {}
        }
        escaped = false;
    }
    None
}

fn run(source: &str, at: At, names: &Names, found: &mut Diagnostics) -> Option<Value> {
    if source.len() > LONGEST {
        LIMIT.report(format!("this expression has {} bytes; the limit is {LONGEST}", source.len())).at(at, found);
        return None;
    }
    // A name alone, or a chain of them, is the common case and needs no compiler.
    if let Some(value) = plain_path(source, names) {
        return Some(value);
    }
    if repeats(source) > 1 {
        LIMIT
            .report(format!("`{}` multiplies more than once; what it makes could outgrow any memory", shown(source)))
            .help("compute the number in `vars` first")
            .at(at, found);
        return None;
    }
    let expression = match engine().compile_expression_owned(source.to_owned()) {
        Ok(expression) => expression,
        Err(error) => {
            EXPRESSION.report(format!("`{}` is not an expression: {}", shown(source), detail(&error))).at(at, found);
            return None;
        }
    };
    let mut unknown: Vec<String> = expression.undeclared_variables(true).into_iter().collect();
    unknown.sort();
    // `default` and `is defined` ask for what may not be there; a name that nobody knows is wrong all the same.
    let asks = source.contains("default") || source.contains("defined");
    if unknown
        .iter()
        .map(|path| if asks { path.split('.').next().unwrap_or(path) } else { path })
        .any(|path| undefined(path, names, at, found))
    {
        return None;
    }
    match expression.eval(Value::from(names.values.clone())) {
        Ok(value) if value.as_str().is_some_and(|text| text.len() > LARGEST) => {
            too_much(at, found);
            None
        }
        Ok(value) => Some(value),
        Err(error) if error.kind() == ErrorKind::OutOfFuel => {
            LIMIT
                .report(format!("`{}` takes more than {FUEL} steps; that is the limit", shown(source)))
                .help("expressions are for names and lists of peers: write what is longer into a file, and mount it with `files`")
                .at(at, found);
            None
        }
        Err(error) if error.kind() == ErrorKind::UndefinedError => {
            UNDEFINED
                .report(format!("`{}` asks for something that is not there", shown(source)))
                .help("give it a value under `vars:`, or a default: `| default('…')`")
                .at(at, found);
            None
        }
        Err(error) => {
            EXPRESSION.report(format!("`{}` cannot be evaluated: {}", shown(source), detail(&error))).at(at, found);
            None
        }
    }
}

/// `name` or `name.field`, when it is there.
fn plain_path(source: &str, names: &Names) -> Option<Value> {
    if !source.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')) {
        return None;
    }
    let mut steps = source.split('.');
    let mut value = names.values.get(steps.next()?)?.clone();
    for step in steps {
        value = value.get_attr(step).ok().filter(|value| !value.is_undefined())?;
    }
    Some(value)
}

/// Reports a name that is not there, with the nearest that is.
fn undefined(path: &str, names: &Names, at: At, found: &mut Diagnostics) -> bool {
    let mut steps = path.split('.');
    let first = steps.next().unwrap_or_default();
    if FUNCTIONS.contains(&first) {
        return false;
    }
    let Some(value) = names.values.get(first) else {
        let near = nearest(first, names.values.keys().map(String::as_str));
        let help = near.map_or_else(
            || format!("there are {}", listing(names.values.keys().map(String::as_str).filter(|name| !name.is_empty()), 16)),
            |near| format!("did you mean `{near}`?"),
        );
        UNDEFINED.report(format!("the name `{first}` stands for nothing here")).help(help).at(at, found);
        return true;
    };
    let Some(field) = steps.next() else { return false };
    if value.kind() != ValueKind::Map || value.get_attr(field).is_ok_and(|value| !value.is_undefined()) {
        return false;
    }
    let known: Vec<String> = value.try_iter().map(|keys| keys.map(|key| key.to_string()).collect()).unwrap_or_default();
    let near = nearest(field, known.iter().map(String::as_str));
    let help = near.map_or_else(
        || {
            if known.is_empty() {
                format!("`{first}` is empty here")
            } else {
                format!("`{first}` has {}", listing(known.iter().map(String::as_str), 12))
            }
        },
        |near| format!("did you mean `{first}.{near}`?"),
    );
    UNDEFINED.report(format!("`{first}` has no `{field}`")).help(help).at(at, found);
    true
}

fn too_much(at: At, found: &mut Diagnostics) {
    LIMIT
        .report(format!("this makes more than {} KiB of text; that is the limit", LARGEST >> 10))
        .help("expressions are for names and lists of peers: write what is longer into a file, and mount it with `files`")
        .at(at, found);
}

/// How often an expression multiplies.
fn repeats(source: &str) -> usize {
    let (mut quote, mut count, mut previous) = (None, 0, 0);
    for byte in source.bytes() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'*') => count += 1 + usize::from(previous == b'*'),
            _ => {}
        }
        previous = byte;
    }
    count
}

fn detail(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

fn noun(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Map => "a map",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::None | ValueKind::Undefined => "nothing",
        _ => "a value",
    }
}

fn shown(source: &str) -> String {
    let mut text: String = source.chars().take(60).collect();
    if text.len() < source.len() {
        text.push('…');
    }
    text
}

/// A value of an expression as a node; deep and large ones are refused.
fn from_value(value: &Value, at: At) -> Option<Node> {
    fn convert(value: &Value, at: At, depth: usize, left: &mut usize) -> Option<Node> {
        *left = left.checked_sub(1)?;
        if depth > 32 {
            return None;
        }
        let data = match value.kind() {
            ValueKind::None => Data::Null,
            ValueKind::Bool => Data::Bool(value.is_true()),
            ValueKind::Number => match value.as_i64() {
                Some(whole) if value.is_integer() => Data::Int(whole),
                _ => Data::number(f64::try_from(value.clone()).ok().filter(|value| value.is_finite())?),
            },
            ValueKind::String => Data::Text(value.as_str()?.into()),
            ValueKind::Seq | ValueKind::Iterable => {
                Data::List(value.try_iter().ok()?.map(|item| convert(&item, at, depth + 1, left)).collect::<Option<_>>()?)
            }
            ValueKind::Map => {
                let mut map = Map::new();
                for key in value.try_iter().ok()? {
                    let inner = value.get_item(&key).ok()?;
                    map.put(Text::from(key.to_string()), convert(&inner, at, depth + 1, left)?);
                }
                Data::Map(map)
            }
            _ => return None,
        };
        Some(Node::new(data, at))
    }
    convert(value, at, 0, &mut 20_000)
}

/// A node as a value of an expression.
#[must_use]
pub fn to_value(node: &Node) -> Value {
    match &node.data {
        Data::Null => Value::from(()),
        Data::Bool(value) => Value::from(*value),
        Data::Int(value) => Value::from(*value),
        Data::Float(value) => Value::from(*value),
        Data::Text(text) => Value::from(text.as_str()),
        Data::List(items) => Value::from(items.iter().map(to_value).collect::<Vec<_>>()),
        Data::Map(map) => Value::from(map.iter().map(|(key, value)| (key.name.to_string(), to_value(value))).collect::<BTreeMap<_, _>>()),
    }
}

const FUNCTIONS: &[&str] = &["range"];

/// The engine, made once: only what cannot grow without bounds.
fn engine() -> &'static Environment<'static> {
    static ENGINE: OnceLock<Environment<'static>> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut engine = Environment::empty();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_fuel(Some(FUEL));
        engine.set_debug(false);
        engine.add_filter("format_each", format_each);
        engine.add_filter("join", join);
        engine.add_filter("replace", replace);
        engine.add_filter("default", filters::default);
        engine.add_filter("lower", filters::lower);
        engine.add_filter("upper", filters::upper);
        engine.add_filter("trim", filters::trim);
        engine.add_filter("split", filters::split);
        engine.add_filter("length", filters::length);
        engine.add_filter("first", filters::first);
        engine.add_filter("last", filters::last);
        engine.add_filter("min", filters::min);
        engine.add_filter("max", filters::max);
        engine.add_filter("sort", filters::sort);
        engine.add_filter("reverse", filters::reverse);
        engine.add_filter("list", filters::list);
        engine.add_filter("int", filters::int);
        engine.add_filter("string", filters::string);
        engine.add_filter("abs", filters::abs);
        engine.add_filter("round", filters::round);
        engine.add_filter("map", filters::map);
        engine.add_function("range", minijinja::functions::range);
        engine.add_test("defined", minijinja::tests::is_defined);
        engine.add_test("none", minijinja::tests::is_none);
        engine.add_test("odd", minijinja::tests::is_odd);
        engine.add_test("even", minijinja::tests::is_even);
        engine
    })
}

fn bounded(out: String) -> Result<String, Error> {
    if out.len() > LARGEST { Err(Error::new(ErrorKind::OutOfFuel, "too much text")) } else { Ok(out) }
}

/// `peers | format_each('{name}={fqdn}')`: each item as a text, with its fields in the braces.
fn format_each(items: &Value, format: &str) -> Result<Value, Error> {
    let mut list = Vec::new();
    let mut total = 0;
    for item in items.try_iter()? {
        let (mut out, mut rest) = (String::new(), format);
        while let Some((before, after)) = rest.split_once('{') {
            let Some((field, left)) = after.split_once('}') else {
                return Err(Error::new(ErrorKind::InvalidOperation, format!("`{{` in '{format}' has no `}}`")));
            };
            let value = item.get_attr(field)?;
            if value.is_undefined() {
                let message = format!("an item has no `{field}`; peers have name, host, fqdn and ordinal");
                return Err(Error::new(ErrorKind::InvalidOperation, message));
            }
            out.push_str(before);
            let _ = write!(out, "{value}");
            rest = left;
        }
        out.push_str(rest);
        total += out.len();
        if total > LARGEST {
            return Err(Error::new(ErrorKind::OutOfFuel, "too much text"));
        }
        list.push(Value::from(out));
    }
    Ok(Value::from(list))
}

fn join(items: &Value, joint: Option<&str>) -> Result<String, Error> {
    let joint = joint.unwrap_or_default();
    let mut out = String::new();
    for (index, item) in items.try_iter()?.enumerate() {
        if index > 0 {
            out.push_str(joint);
        }
        let _ = write!(out, "{item}");
        out = bounded(out)?;
    }
    Ok(out)
}

fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let count = if from.is_empty() { text.len() + 1 } else { text.matches(from).count() };
    if text.len().saturating_add(count.saturating_mul(to.len())) > LARGEST {
        return Err(Error::new(ErrorKind::OutOfFuel, "too much text"));
    }
    Ok(text.replace(from, to))
}
