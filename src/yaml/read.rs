//! Text to values, each with its place. Refuses what different readers understand differently; never recurses, so no
//! input can exhaust the stack, and counts what it builds, so none can exhaust the memory.

use super::plain::Reading;
use super::quick::{self, Field};
use crate::diagnostic::{Becomes, Code, Diagnostics, Level, Refusal};
use crate::source::{At, SourceId, Sources};
use crate::value::{Data, Key, Map, Node, Text};
use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};
use std::borrow::Cow;
use std::ops::Range;

/// Not YAML.
static SYNTAX: Code =
    Code { id: "SW0001", name: "yaml-syntax", level: Level::Error, page: include_str!("pages/yaml-syntax.md") };
/// A key twice.
static DUPLICATE: Code =
    Code { id: "SW0003", name: "duplicate-key", level: Level::Error, page: include_str!("pages/duplicate-key.md") };
/// A tag.
static TAG: Code =
    Code { id: "SW0004", name: "yaml-tag", level: Level::Error, page: include_str!("pages/yaml-tag.md") };
/// `<<` in a spec.
static MERGE: Code =
    Code { id: "SW0005", name: "merge-key", level: Level::Error, page: include_str!("pages/merge-key.md") };
/// `*alias` in a spec.
static ALIAS: Code =
    Code { id: "SW0006", name: "yaml-alias", level: Level::Error, page: include_str!("pages/yaml-alias.md") };
/// Not exactly one document.
static DOCUMENTS: Code =
    Code { id: "SW0007", name: "document-count", level: Level::Error, page: include_str!("pages/document-count.md") };
/// Larger than any manifest.
pub static LIMIT: Code =
    Code { id: "SW0008", name: "input-too-large", level: Level::Error, page: include_str!("pages/input-too-large.md") };
/// Two readings.
pub static AMBIGUOUS: Code = Code {
    id: "SW0010",
    name: "ambiguous-scalar",
    level: Level::Warning,
    page: include_str!("pages/ambiguous-scalar.md"),
};

/// The codes of this module.
pub static CODES: &[&Code] = &[&SYNTAX, &DUPLICATE, &TAG, &MERGE, &ALIAS, &DOCUMENTS, &LIMIT, &AMBIGUOUS];

/// Deeper than any manifest nests (an API server stops at 10,000, its patch types at about 30).
const DEEPEST: usize = 128;
/// Values that aliases may make of one document; the API server's reader allows about as many.
const MOST_NODES: usize = 1_000_000;
/// Findings of this module about one text.
const MOST_REPORTED: usize = 200;
/// A spec is a page; etcd takes 1.5 MiB an object.
pub const LARGEST_SPEC: usize = 4 << 20;
/// An API server takes 3 MiB a request.
const LARGEST_DOCUMENT: usize = 32 << 20;

/// Reads the one document of a spec or template.
pub fn read_one(sources: &Sources, id: SourceId, found: &mut Diagnostics) -> Option<Node> {
    let text = &sources.get(id).text;
    if text.len() > LARGEST_SPEC {
        LIMIT
            .report(format!("this file has {} MB; the limit for a spec is {} MB", text.len() >> 20, LARGEST_SPEC >> 20))
            .help("a spec is a page or two: move large content into files that `files` mounts")
            .at(At::top(id), found);
        return None;
    }
    if let Some(root) = quick::read(id, text, 0, Reading::Core) {
        return Some(root);
    }
    let mut reader = Reader::new(id, text, 0, Reading::Core);
    let first = reader.next(found)?;
    let Some(root) = first else {
        DOCUMENTS
            .report("this file holds no document")
            .help("run `statewright init` for one to start from")
            .at(At::top(id), found);
        return None;
    };
    // A marker at the end begins a document of nothing: harmless.
    if let Some(second) = reader.next(found).flatten().filter(|second| !second.is_null()) {
        DOCUMENTS
            .report("a second document begins here; a spec is one document")
            .help("give each app a folder and a `statewright.yaml` of its own, or put extra objects under `objects:`")
            .at(At { end: second.at.start, ..second.at }, found);
        return None;
    }
    Some(root)
}

/// A stretch of a stream between two `---` lines.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// What begins a document.
const MARK: &str = "---";

/// Splits a stream at the lines that begin with `---`, before any YAML is read, as kubectl does. A broken document then
/// does not take its neighbours with it.
#[must_use]
pub fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut start = 0;
    let bytes = text.as_bytes();
    let first = text.starts_with(MARK).then_some(0);
    for line in first.into_iter().chain(memchr::memmem::find_iter(bytes, b"\n---").map(|end| end + 1)) {
        if matches!(bytes.get(line + MARK.len()), None | Some(b'\n' | b'\r' | b' ' | b'\t')) {
            parts.push(Part { start, end: line });
            // What follows on the marker's own line belongs to the document.
            start = line + MARK.len();
        }
    }
    parts.push(Part { start, end: text.len() });
    parts.retain(|part| {
        !text[part.start..part.end].lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    });
    parts
}

/// Reads some fields of a piece of a stream that begins there, as Kubernetes would, if nothing in it is rare or wrong.
#[must_use]
pub fn outline(id: SourceId, piece: &str, base: usize, fields: &'static [Field]) -> Option<Node> {
    quick::outline(id, piece, base, fields)
}

/// Reads one part of a stream as Kubernetes would. `None` when it is not YAML, nothing inside when it is empty.
pub fn read_part(id: SourceId, text: &str, part: Part, found: &mut Diagnostics) -> Option<Option<Node>> {
    read_piece(id, &text[part.start..part.end], part.start, found)
}

/// The same of a piece that begins there.
pub fn read_piece(id: SourceId, piece: &str, base: usize, found: &mut Diagnostics) -> Option<Option<Node>> {
    if piece.len() > LARGEST_DOCUMENT {
        LIMIT
            .report(format!(
                "this document has {} MB; the limit is {} MB, and an API server takes 3",
                piece.len() >> 20,
                LARGEST_DOCUMENT >> 20
            ))
            .at(At { source: id, start: offset(base), end: offset(base) }, found);
        return None;
    }
    if let Some(node) = quick::read(id, piece, base, Reading::Kubernetes) {
        return Some(Some(node));
    }
    let mut piece = Cow::Borrowed(piece);
    let mut left = (READ_AGAIN / piece.len().max(1)).clamp(1, MOST_COMMENTS);
    loop {
        let mut own = Diagnostics::default();
        let mut reader = Reader::new(id, &piece, base, Reading::Kubernetes);
        let node = reader.next(&mut own);
        match reader.stopped.and_then(|at| glued_comment(&piece, at)).filter(|_| left > 0) {
            Some(comment) => {
                left -= 1;
                let blank = " ".repeat(comment.len());
                piece.to_mut().replace_range(comment, &blank);
            }
            None => {
                found.extend(own);
                return node;
            }
        }
    }
}

/// So many comments that stand too close are taken out of a document, and so much is read again for it.
const MOST_COMMENTS: usize = 100;
const READ_AGAIN: usize = 64 << 20;

/// The comment that a strict reader stops at because no space stands before it: `"x"#note`. Go's reader takes it for
/// one.
fn glued_comment(text: &str, at: usize) -> Option<Range<usize>> {
    let before = text.get(..at)?.chars().next_back()?;
    let rest = text.get(at..).filter(|rest| rest.starts_with('#') && matches!(before, '"' | '\'' | '}' | ']'))?;
    Some(at..at + rest.find(['\r', '\n']).unwrap_or(rest.len()))
}

/// Builds values from the parser's events with a stack of its own.
pub struct Reader<'a> {
    id: SourceId,
    base: usize,
    reading: Reading,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    nodes: usize,
    reported: usize,
    broken: bool,
    /// Where it could not read on.
    stopped: Option<usize>,
}

/// A collection that is not finished.
enum Open {
    List(Vec<Node>, usize),
    Map { map: Map, key: Option<Key>, merging: bool, anchor: usize, merges: Vec<Node> },
}

impl<'a> Reader<'a> {
    /// A reader of `text`, which begins `base` bytes into the source.
    #[must_use]
    pub fn new(id: SourceId, text: &'a str, base: usize, reading: Reading) -> Self {
        let mut options = granit_parser::options! { flow_nesting_limit: DEEPEST, block_nesting_limit: DEEPEST };
        options.set_emit_comments(false);
        Self {
            id,
            base,
            reading,
            parser: Parser::new_from_str_with_options(text, options),
            nodes: 0,
            reported: 0,
            broken: false,
            stopped: None,
        }
    }

    fn place(&self, span: &Span) -> At {
        let start = span.start.byte_offset().unwrap_or(0);
        let end = span.end.byte_offset().unwrap_or(start);
        At { source: self.id, start: offset(self.base + start), end: offset(self.base + end) }
    }

    /// The next document: `None` when it is broken, nothing inside when there is no further one.
    #[expect(clippy::too_many_lines, reason = "one event after the other, in the order of the grammar")]
    pub fn next(&mut self, found: &mut Diagnostics) -> Option<Option<Node>> {
        if self.broken {
            return None;
        }
        let mut stack: Vec<(Open, At)> = Vec::new();
        let mut anchors: Vec<(usize, Node, usize)> = Vec::new();
        self.nodes = 0;
        let mut finished: Option<Node> = None;
        let mut valid = true;
        while let Some(event) = self.parser.next_event() {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    self.broken = true;
                    let at = error.marker().byte_offset().unwrap_or(0);
                    self.stopped = Some(at);
                    let start = offset(self.base + at);
                    syntax(&error, At { source: self.id, start, end: start + 1 }, found);
                    return None;
                }
            };
            let at = self.place(&span);
            // In quotes it is a key like any other.
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text.as_ref() == MERGE_KEY);
            let (node, anchor) = match event {
                Event::Scalar(text, style, anchor, tag) => {
                    (self.scalar(&text, style, tag.as_deref(), at, found, &mut valid), anchor)
                }
                Event::SequenceStart(_, anchor, tag) => {
                    valid &= self.untagged(tag.as_deref(), at, found);
                    stack.push((Open::List(Vec::new(), anchor), at));
                    continue;
                }
                Event::MappingStart(_, anchor, tag) => {
                    valid &= self.untagged(tag.as_deref(), at, found);
                    stack.push((
                        Open::Map { map: Map::new(), key: None, merging: false, anchor, merges: Vec::new() },
                        at,
                    ));
                    continue;
                }
                Event::SequenceEnd => match stack.pop() {
                    Some((Open::List(items, anchor), start)) => (Node::list(items, start.to(at)), anchor),
                    _ => continue,
                },
                Event::MappingEnd => match stack.pop() {
                    Some((Open::Map { mut map, anchor, merges, .. }, start)) => {
                        merge_in(&mut map, merges);
                        (Node::map(map, start.to(at)), anchor)
                    }
                    _ => continue,
                },
                Event::Alias(name) => {
                    if self.reading == Reading::Core {
                        if self.may_report() {
                            ALIAS
                                .report("an alias (`*name`) repeats another place of the file; specs do without them")
                                .help("write the value out, or put it under `vars:` and use it as `{{ vars.name }}`")
                                .at(at, found);
                        }
                        valid = false;
                        (Node::null(at), 0)
                    } else {
                        let Some((_, node, weight)) = anchors.iter().rev().find(|(anchor, ..)| *anchor == name) else {
                            continue;
                        };
                        self.nodes += weight;
                        if self.nodes > MOST_NODES {
                            self.broken = true;
                            LIMIT
                                .report(format!(
                                    "aliases make more than {MOST_NODES} values of this document; that is the limit"
                                ))
                                .at(at, found);
                            return None;
                        }
                        (node.clone(), 0)
                    }
                }
                Event::DocumentEnd => {
                    return if valid { Some(Some(finished.unwrap_or(Node::null(at)))) } else { None };
                }
                _ => continue,
            };
            self.nodes += 1;
            if self.nodes > MOST_NODES {
                self.broken = true;
                LIMIT
                    .report(format!("this document holds more than {MOST_NODES} values; that is the limit"))
                    .at(at, found);
                return None;
            }
            if anchor != 0 {
                let weight = weight(&node);
                anchors.push((anchor, node.clone(), weight));
            }
            match stack.last_mut() {
                None => finished = Some(node),
                Some((Open::List(items, _), _)) => items.push(node),
                Some((Open::Map { map, key, merging, merges, .. }, _)) => match key.take() {
                    None => {
                        *key = Some(Self::key(&node, &mut valid, found));
                        *merging = is_merge;
                    }
                    Some(Key { at: key_at, .. }) if *merging => {
                        if self.reading == Reading::Core {
                            MERGE
                                .report("`<<` merges another map into this one; specs do without it")
                                .help(
                                    "write the fields out; what environments share belongs into the app itself or \
                                    into an environment's `base`",
                                )
                                .at(key_at, found);
                            valid = false;
                        } else {
                            merges.push(node);
                        }
                    }
                    Some(key) => {
                        if let Some((first, _)) = map.entry(&key.name).filter(|_| self.may_report()) {
                            let mut report = DUPLICATE
                                .report(format!("key `{}` is here a second time", shown(&key.name)))
                                .see(first.at, "the first is here")
                                .help("readers keep one of the two without a word: remove one");
                            if self.reading == Reading::Kubernetes {
                                let field = key.name.to_string();
                                report = report.refusal(Refusal {
                                    field,
                                    kind: "DuplicateField",
                                    detail: "key already set in map".into(),
                                });
                            }
                            report.at(key.at, found);
                            valid &= self.reading == Reading::Kubernetes;
                        }
                        map.set(key, node);
                    }
                },
            }
        }
        Some(None)
    }

    /// Whether one more finding of a kind that a hostile text can have a million of is worth anybody's while.
    const fn may_report(&mut self) -> bool {
        self.reported += 1;
        self.reported <= MOST_REPORTED
    }

    fn untagged(&mut self, tag: Option<&Tag>, at: At, found: &mut Diagnostics) -> bool {
        let refused = tag.filter(|_| self.reading == Reading::Core);
        if let Some(tag) = refused
            && self.may_report()
        {
            TAG.report(format!(
                "the tag `{}` changes what this value is; specs do without tags",
                shown(&tag.original())
            ))
            .help("leave it out; quote the value if it is to be text")
            .at(at, found);
        }
        refused.is_none()
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        at: At,
        found: &mut Diagnostics,
        valid: &mut bool,
    ) -> Node {
        *valid &= self.untagged(tag, at, found);
        if let Some(tag) = tag
            && (matches!(tag.core_suffix(), Some("str" | "binary")) || tag.original() == "!")
        {
            return Node::text(text, at);
        }
        if style != ScalarStyle::Plain {
            return Node::text(text, at);
        }
        if self.reading == Reading::Kubernetes && is_no_json_number(text) {
            if self.may_report() {
                SYNTAX
                    .report(format!("`{text}` is a number that JSON does not have: kubectl and Argo CD refuse it"))
                    .help(format!("write \"{text}\" if it is text"))
                    .at(at, found);
            }
            *valid = false;
        }
        let data = self.reading.plain(text);
        if self.reading == Reading::Core {
            let other = Reading::Kubernetes.plain(text);
            if other != data && self.may_report() {
                let report = AMBIGUOUS
                    .report(format!(
                        "`{text}` is {} here, but {} to kubectl and Argo CD",
                        spoken(&data),
                        spoken(&other)
                    ))
                    .help(format!("write \"{text}\" if it is text, {} if not", bare(&other)));
                // It is text here: in quotes it stays what it is, for everybody.
                let report = if matches!(data, Data::Text(_)) { report.edit(at, Becomes::Quoted) } else { report };
                report.at(at, found);
            }
        }
        Node::new(data, at)
    }

    fn key(node: &Node, valid: &mut bool, found: &mut Diagnostics) -> Key {
        let name = key_name(&node.data).unwrap_or_else(|| {
            SYNTAX
                .report(format!("{} stands where a key must be text", node.noun()))
                .help("quote it if it is an expression or holds braces")
                .at(node.at, found);
            *valid = false;
            Text::default()
        });
        Key { name, at: node.at }
    }
}

/// Whether Go's reader takes a plain scalar for a number that no JSON can hold.
pub(super) fn is_no_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// The text that a key is; a list or a map is none.
pub(super) fn key_name(data: &Data) -> Option<Text> {
    Some(match data {
        Data::Text(text) => text.clone(),
        Data::Null => "null".into(),
        Data::Bool(value) => if *value { "true" } else { "false" }.into(),
        Data::Int(value) => value.to_string().into(),
        Data::Float(value) => value.to_string().into(),
        Data::List(_) | Data::Map(_) => return None,
    })
}

const MERGE_KEY: &str = "<<";

/// Explicit keys win over merged ones, earlier merges over later ones.
fn merge_in(map: &mut Map, merges: Vec<Node>) {
    for merge in merges {
        let maps = match merge.data {
            Data::Map(inner) => vec![inner],
            Data::List(items) => items
                .into_iter()
                .filter_map(|item| if let Data::Map(inner) = item.data { Some(inner) } else { None })
                .collect(),
            _ => Vec::new(),
        };
        for (key, node) in maps.into_iter().flatten() {
            if !map.has(&key.name) {
                map.set(key, node);
            }
        }
    }
}

fn weight(node: &Node) -> usize {
    let (mut count, mut left) = (0, vec![node]);
    while let Some(node) = left.pop() {
        count += 1;
        left.extend(node.items());
        left.extend(node.entries().map(|(_, node)| node));
    }
    count
}

fn offset(byte: usize) -> u32 {
    u32::try_from(byte).unwrap_or(u32::MAX)
}

fn spoken(data: &Data) -> String {
    match data {
        Data::Text(text) => format!("the text \"{text}\""),
        Data::Int(value) => format!("the number {value}"),
        Data::Float(value) => format!("the number {value}"),
        Data::Bool(value) => format!("{value}"),
        _ => "nothing".into(),
    }
}

fn bare(data: &Data) -> String {
    match data {
        Data::Int(value) => value.to_string(),
        Data::Float(value) => value.to_string(),
        Data::Bool(value) => value.to_string(),
        _ => "null".into(),
    }
}

/// At most a line of it, without control characters.
fn shown(text: &str) -> String {
    crate::printable::line(&text.chars().take(80).collect::<String>())
}

fn syntax(error: &granit_parser::ScanError, at: At, found: &mut Diagnostics) {
    let info = error.kind().to_string();
    if info.contains("nest") || info.contains("recursion") {
        LIMIT.report(format!("this nests deeper than {DEEPEST} levels; that is the limit")).at(at, found);
    } else {
        SYNTAX.report(format!("this is not YAML: {info}")).at(at, found);
    }
}
