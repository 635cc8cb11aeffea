//! Expressions in the spec's texts: `{{ … }}` in minijinja's expression language. Knows names and values; not where
//! they come from, and not how an expression is worked out.

use super::evaluator::{FUNCTIONS, Formula, Miss, Stop, weight};
use crate::budget::{self, Account, EXPRESSION_GIVES, EXPRESSION_VALUES, EXPRESSION_WRITTEN};
use crate::diagnostic::{Code, Diagnostics, Level, Report, Stretch, listing, nearest};
use crate::source::At;
use crate::value::{Data, Map, Node, Text};
use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// A name that no expression knows here.
static UNDEFINED: Code =
    Code { id: "SW0120", name: "undefined-name", level: Level::Error, page: include_str!("pages/undefined-name.md") };
/// An expression that cannot be read or evaluated.
static EXPRESSION: Code =
    Code { id: "SW0121", name: "bad-expression", level: Level::Error, page: include_str!("pages/bad-expression.md") };
/// An expression that is too long, works too long, or makes too much.
static LIMIT: Code = Code {
    id: "SW0122",
    name: "expression-too-large",
    level: Level::Error,
    page: include_str!("pages/expression-too-large.md"),
};
/// An app that makes too much in one environment.
static TOO_LARGE: Code = Code {
    id: "SW0123",
    name: "environment-too-large",
    level: Level::Error,
    page: include_str!("pages/environment-too-large.md"),
};

/// The codes of this module.
pub static CODES: &[&Code] = &[&UNDEFINED, &EXPRESSION, &LIMIT, &TOO_LARGE];

/// What the names in an expression stand for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    values: BTreeMap<String, Value>,
    account: Arc<Account>,
}

impl Names {
    /// No names yet; what is made with them is paid from an account.
    #[must_use]
    pub fn paid_from(account: Account) -> Self {
        Self { values: BTreeMap::new(), account: Arc::new(account) }
    }

    /// What a name stands for.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// What pays for everything that is made of the app in this environment.
    #[must_use]
    pub const fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Pays for what is to be made at a place; false, with a finding, when there is too little left.
    pub fn pay(&self, bytes: u64, what: &str, at: At, found: &mut Diagnostics) -> bool {
        let paid = self.account.pay(bytes);
        if let Err(budget::Exceeded(limit)) = paid {
            self.exceeded(limit, what, at, found);
        }
        paid.is_ok()
    }

    fn exceeded(&self, limit: u64, what: &str, at: At, found: &mut Diagnostics) {
        if self.account.is_news() {
            TOO_LARGE
                .report(format!(
                    "the {what} of this environment make more than {}; that is the limit",
                    budget::shown(limit)
                ))
                .help("make less of it here: fewer volumes, fewer environments, shorter lists; or split the app")
                .at(at, found);
        }
    }

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

/// An expression's place: the text that it stands in, and how many stand before it there.
#[derive(Clone, Copy)]
struct Here {
    at: At,
    nth: usize,
}

impl Here {
    fn store(self, report: Report, found: &mut Diagnostics) {
        report.stretch(Stretch { begins: "{{", ends: "}}", nth: self.nth }).at(self.at, found);
    }
}

/// Evaluates every text of a tree.
pub fn evaluate(node: &Node, names: &Names, found: &mut Diagnostics) -> Node {
    match &node.data {
        Data::Text(text) if text.contains("{{") => {
            evaluate_text(text, node.at, names, found).unwrap_or(Node::null(node.at))
        }
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
        Err((opening, nth)) => {
            let report = EXPRESSION
                .report(format!("`{}` opens an expression that does not end", shown(opening)))
                .help("end it with `}}`; write `{{ '{{' }}` for two braces that are meant as such");
            Here { at, nth }.store(report, found);
            return None;
        }
    };
    if let [Piece::Expression(source, nth)] = pieces[..] {
        let here = Here { at, nth };
        let value = run(source, here, names, found)?;
        return from_value(&value, at).or_else(|| {
            let report = EXPRESSION.report(format!("`{}` gives no value that a manifest can hold", shown(source)));
            here.store(report, found);
            None
        });
    }
    let mut out = String::new();
    for piece in pieces {
        let nth = match piece {
            Piece::Text(text) => {
                out.push_str(text);
                0
            }
            Piece::Expression(source, nth) => {
                let value = run(source, Here { at, nth }, names, found)?;
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
                        let report = EXPRESSION
                            .report(format!(
                                "`{}` gives {}, which cannot stand inside a text",
                                shown(source),
                                noun(&value)
                            ))
                            .help("join a list first: `| join(',')`");
                        Here { at, nth }.store(report, found);
                        return None;
                    }
                }
                nth
            }
        };
        if out.len() > EXPRESSION_GIVES {
            too_much(Here { at, nth }, found);
            return None;
        }
    }
    Some(Node::text(out, at))
}

/// A piece of a text.
enum Piece<'t> {
    Text(&'t str),
    /// An expression, and how many times its opening stands before it.
    Expression(&'t str, usize),
}

/// Takes a text apart at its braces; an expression ends at the first `}}` outside of quotes and of braces of its own.
/// An error is the text from where one opens that does not end.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, (&str, usize)> {
    let (mut pieces, mut rest, mut nth) = (Vec::new(), text, 0);
    while let Some(start) = rest.find("{{") {
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        let inside = &rest[start + 2..];
        let end = expression_end(inside).ok_or((&rest[start..], nth))?;
        pieces.push(Piece::Expression(inside[..end].trim(), nth));
        nth += rest[start..start + 2 + end].matches("{{").count();
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

fn run(source: &str, here: Here, names: &Names, found: &mut Diagnostics) -> Option<Value> {
    if source.len() > EXPRESSION_WRITTEN {
        here.store(
            LIMIT.report(format!("this expression has {} bytes; the limit is {EXPRESSION_WRITTEN}", source.len())),
            found,
        );
        return None;
    }
    // A name alone, or a chain of them, is the common case and needs no grammar.
    if let Some(value) = plain_path(source, names) {
        return names.pay(weight(&value, names.account.left()), "expressions", here.at, found).then_some(value);
    }
    let formula = match Formula::read(source) {
        Ok(formula) => formula,
        Err(error) => {
            here.store(
                EXPRESSION.report(format!("`{}` is not an expression: {}", shown(source), detail(&error))),
                found,
            );
            return None;
        }
    };
    // `default` and `is defined` ask for what may not be there; a name that nobody knows is wrong all the same.
    let asks = source.contains("default") || source.contains("defined");
    if formula
        .names()
        .iter()
        .map(|path| if asks { path.split('.').next().unwrap_or(path) } else { path })
        .any(|path| undefined(path, names, here, found))
    {
        return None;
    }
    match formula.value(names) {
        Ok(value) if value.as_str().is_some_and(|text| text.len() > EXPRESSION_GIVES) => {
            too_much(here, found);
            None
        }
        Ok(value) => Some(value),
        Err(Stop::TooMuch) => {
            let report = LIMIT
                .report(format!(
                    "`{}` makes more than {} on the way; that is the limit",
                    shown(source),
                    budget::shown(budget::EXPRESSION_MAKES)
                ))
                .help(MEANT_FOR);
            here.store(report, found);
            None
        }
        Err(Stop::Exceeded(limit)) => {
            names.exceeded(limit, "expressions", here.at, found);
            None
        }
        Err(Stop::Missing(Some(miss))) => {
            here.store(missed(source, miss, names), found);
            None
        }
        Err(Stop::Missing(None)) => {
            let report = UNDEFINED
                .report(format!("`{}` asks for something that is not there", shown(source)))
                .help("give it a value under `vars:`, or a default: `| default('…')`");
            here.store(report, found);
            None
        }
        Err(Stop::Wrong(error)) => {
            here.store(
                EXPRESSION.report(format!("`{}` cannot be evaluated: {}", shown(source), detail(&error))),
                found,
            );
            None
        }
    }
}

/// An item that a list does not have: which, of how many, for whom.
fn missed(source: &str, miss: Miss, names: &Names) -> Report {
    let Miss { index, length } = miss;
    let replica = names.get("ordinal").map(|ordinal| format!("replica {ordinal}"));
    let environment = names.get("env").map(|name| format!("environment `{name}`"));
    let whose: Vec<String> = replica.into_iter().chain(environment).collect();
    let whose = if whose.is_empty() { String::new() } else { format!(" ({})", whose.join(", ")) };
    let items = if length == 1 { "1 item".to_owned() } else { format!("{length} items") };
    UNDEFINED
        .report(format!("`{}` asks for index {index} of a list of {items}{whose}", shown(source)))
        .help("indexes begin at 0: add an item to the list, or give a default: `| default('…')`")
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
fn undefined(path: &str, names: &Names, here: Here, found: &mut Diagnostics) -> bool {
    let mut steps = path.split('.');
    let first = steps.next().unwrap_or_default();
    if FUNCTIONS.contains(&first) {
        return false;
    }
    let Some(value) = names.values.get(first) else {
        let near = nearest(first, names.values.keys().map(String::as_str));
        let help = near.map_or_else(
            || {
                format!(
                    "there are {}",
                    listing(names.values.keys().map(String::as_str).filter(|name| !name.is_empty()), 16)
                )
            },
            |near| format!("did you mean `{near}`?"),
        );
        here.store(UNDEFINED.report(format!("the name `{first}` stands for nothing here")).help(help), found);
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
    here.store(UNDEFINED.report(format!("`{first}` has no `{field}`")).help(help), found);
    true
}

const MEANT_FOR: &str =
    "expressions are for names and lists of peers: write what is longer into a file, and mount it with `files`";

fn too_much(here: Here, found: &mut Diagnostics) {
    let most = budget::shown(EXPRESSION_GIVES as u64);
    here.store(LIMIT.report(format!("this makes more than {most} of text; that is the limit")).help(MEANT_FOR), found);
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
            ValueKind::Seq | ValueKind::Iterable => Data::List(
                value.try_iter().ok()?.map(|item| convert(&item, at, depth + 1, left)).collect::<Option<_>>()?,
            ),
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
    let mut left = EXPRESSION_VALUES;
    convert(value, at, 0, &mut left)
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
        Data::Map(map) => Value::from(
            map.iter().map(|(key, value)| (key.name.to_string(), to_value(value))).collect::<BTreeMap<_, _>>(),
        ),
    }
}
