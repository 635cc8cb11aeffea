//! What of the user's files is shown: findings with their places looked up, without a secret and without what commands
//! a terminal. Whatever is said of a file passes here, once, for all formats. Knows no format.

use super::known::{Collector, Known};
use super::tree::{self, Cover, Eye};
use super::{HIDDEN, text};
use crate::diagnostic::{Diagnostics, Finding, Refusal, Subject};
use crate::printable;
use crate::source::{At, SourceId, Sources, Spot};
use crate::value::{Data, Key, Node, Text};
use crate::yaml::{self, Part, Reader, Reading};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

impl Diagnostics {
    /// Looks up the places, puts the findings in order and says each only once.
    #[must_use]
    pub fn resolve(mut self, sources: &Sources) -> Vec<Finding> {
        self.retain(|diagnostic| {
            if let (Some(stretch), Some(first)) = (diagnostic.stretch, diagnostic.labels.first_mut()) {
                first.at = stretch.of(first.at, sources);
            }
            true
        });
        let mut view = View { sources, parts: BTreeMap::new(), documents: BTreeMap::new() };
        self.sorted().into_iter().map(|diagnostic| view.finding(diagnostic)).collect()
    }
}

/// No server takes more, and nobody reads it to see what of it is secret: of larger documents only what every object
/// has is shown.
const LARGEST: usize = 8 << 20;

/// The documents that something is said of, each read once.
struct View<'s> {
    sources: &'s Sources,
    parts: BTreeMap<SourceId, Vec<Part>>,
    documents: BTreeMap<(SourceId, usize), Rc<Document>>,
}

/// What is known of a document.
#[derive(Default)]
struct Document {
    /// Where its keys and plain values are written.
    open: Vec<Range<usize>>,
    /// Where its secrets are.
    secret: Vec<Range<usize>>,
    /// Their values.
    known: Known,
    /// How a line of it is shown.
    masking: Masking,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Masking {
    /// As it is, but for what looks like a secret.
    #[default]
    Open,
    /// Only what is known to be no secret.
    Read,
    /// Only keys: it holds secrets, and cannot be read.
    Keys,
    /// Only the keys that every object has: it may be a Secret, and cannot be read.
    Head,
}

impl View<'_> {
    fn finding(&mut self, diagnostic: crate::diagnostic::Diagnostic) -> Finding {
        let places: Vec<At> = diagnostic.labels.iter().map(|label| label.at).collect();
        let documents: Vec<Rc<Document>> = places.iter().map(|at| self.document(*at)).collect();
        let is_secret = documents.first().zip(places.first()).is_some_and(|(document, at)| document.touches(*at));
        let say = |sentence: &str| {
            let mut said = if is_secret { unquoted(sentence) } else { sentence.to_owned() };
            for (index, document) in documents.iter().enumerate() {
                if !documents[..index].iter().any(|earlier| Rc::ptr_eq(earlier, document)) {
                    said = document.known.hide(&said);
                }
            }
            if documents.is_empty() {
                said = super::masked(&said);
            }
            printable::text(&said)
        };
        let mut spots = places.iter().zip(&documents).map(|(at, document)| document.spot(self.sources, *at));
        let spot = spots.next().unwrap_or_else(|| unreachable!("stored with a place"));
        let texts = diagnostic.labels.iter().skip(1).map(|label| say(&label.text));
        let also = spots.zip(texts).collect();
        let mend = diagnostic.edit.and_then(|edit| {
            let spot = self.document(edit.at).spot(self.sources, edit.at);
            edit.in_file(self.sources, spot)
        });
        Finding {
            code: diagnostic.code,
            level: diagnostic.level,
            message: say(&diagnostic.message),
            spot,
            also,
            help: diagnostic.help.as_deref().map(say),
            subject: diagnostic.subject.map(|subject| Subject {
                kind: printable::line(&subject.kind),
                namespace: printable::line(&subject.namespace),
                name: printable::line(&super::masked(&subject.name)),
            }),
            refusal: diagnostic.refusal.map(|refusal| Refusal {
                field: printable::text(&documents[0].known.hide(&refusal.field)),
                kind: refusal.kind,
                detail: say(&refusal.detail),
            }),
            mend,
        }
    }

    fn document(&mut self, at: At) -> Rc<Document> {
        let text = &self.sources.get(at.source).text;
        let parts = self.parts.entry(at.source).or_insert_with(|| yaml::parts(text));
        let offset = at.start as usize;
        let index = parts.partition_point(|part| part.end < offset);
        let part = parts.get(index).copied().filter(|part| part.start <= offset || index == 0);
        // What lies between two documents belongs to the one before.
        let part =
            part.or_else(|| parts.get(index.saturating_sub(1)).copied()).unwrap_or(Part { start: 0, end: text.len() });
        let document = self
            .documents
            .entry((at.source, part.start))
            .or_insert_with(|| Rc::new(Document::read(at.source, text, part)));
        Rc::clone(document)
    }
}

/// A sentence about a secret without what it quotes, and without the number that it reads there.
fn unquoted(sentence: &str) -> String {
    let mut out = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some(letter) = rest.chars().next() {
        let begins = !out.ends_with(|before: char| before.is_alphanumeric() || matches!(before, '[' | '.' | '_' | '/'));
        if matches!(letter, '"' | '`') && begins {
            let end = closing(rest, letter);
            out.push(letter);
            out.push_str(HIDDEN);
            out.push(letter);
            rest = &rest[(end + 1).min(rest.len())..];
        } else if letter.is_ascii_digit() && begins && (out.ends_with("number ") || out.ends_with("value: ")) {
            let end = rest
                .find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '+' | '-')))
                .unwrap_or(rest.len());
            out.push_str(HIDDEN);
            rest = &rest[end..];
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    out
}

/// Where a quotation ends: at the last quote of its kind before the sentence goes on.
fn closing(rest: &str, quote: char) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            at += 1;
        } else if bytes[at] == quote as u8 {
            return at;
        }
        at += 1;
    }
    rest.len()
}

/// Collects where things are written, and which of them are secret.
struct Places<'t> {
    text: &'t str,
    source: SourceId,
    open: Vec<Range<usize>>,
    secret: Vec<Range<usize>>,
    values: Collector,
}

impl Places<'_> {
    fn range(&self, at: At) -> Option<Range<usize>> {
        let range = at.start as usize..(at.end as usize).min(self.text.len());
        (at.source == self.source
            && range.start < range.end
            && self.text.is_char_boundary(range.start)
            && self.text.is_char_boundary(range.end))
        .then_some(range)
    }

    fn see(&mut self, said: Option<&str>, at: At, cover: &Cover) {
        let Some(range) = self.range(at) else { return };
        match (cover, said) {
            (Cover::Shown, _) => self.open.push(range),
            (Cover::Parts(parts), Some(said)) => {
                self.open.push(range.clone());
                let written = &self.text[range.clone()];
                if let Some(offset) = written.find(said) {
                    self.secret.extend(
                        parts.iter().map(|part| range.start + offset + part.start..range.start + offset + part.end),
                    );
                } else if !self.pieces(said, parts, &range) {
                    self.secret.push(range);
                }
            }
            _ => self.secret.push(range),
        }
    }

    /// Finds the lines of each secret in what is written, where the text as a whole is written otherwise.
    fn pieces(&mut self, said: &str, parts: &[Range<usize>], range: &Range<usize>) -> bool {
        const SHORTEST: usize = 4;
        let written = &self.text[range.clone()];
        let mut found = Vec::new();
        let mut from = 0;
        for piece in
            parts.iter().flat_map(|part| said[part.clone()].lines()).map(str::trim).filter(|piece| !piece.is_empty())
        {
            let Some(offset) = written[from..].find(piece).filter(|_| piece.len() >= SHORTEST) else { return false };
            found.push(range.start + from + offset..range.start + from + offset + piece.len());
            from += offset + piece.len();
        }
        self.secret.extend(found);
        true
    }
}

impl Eye for Places<'_> {
    fn scalar(&mut self, node: &Node, cover: &Cover) -> Option<Data> {
        self.see(node.as_str(), node.at, cover);
        self.values.scalar(node, cover)
    }

    fn key(&mut self, key: &Key, cover: &Cover) -> Option<Text> {
        self.see(Some(&key.name), key.at, cover);
        self.values.key(key, cover)
    }
}

impl Document {
    fn read(id: SourceId, text: &str, part: Part) -> Self {
        let piece = &text[part.start..part.end];
        if piece.len() > LARGEST {
            return Self { masking: Masking::Head, ..Self::default() };
        }
        let masking = masking(piece);
        if masking == Masking::Open && !piece.contains("H4sI") {
            return Self::default();
        }
        let mut unheard = Diagnostics::default();
        let node = match yaml::read_part(id, text, part, &mut unheard) {
            Some(node) => node,
            // A spec is read more strictly than what it takes to see its secrets.
            None => Reader::new(id, piece, part.start, Reading::Kubernetes).next(&mut unheard).flatten(),
        };
        let Some(node) = node.filter(|node| matches!(node.data, Data::Map(_) | Data::List(_))) else {
            return Self { masking, ..Self::default() };
        };
        let mut places =
            Places { text, source: id, open: Vec::new(), secret: Vec::new(), values: Collector::default() };
        tree::walk(&node, &mut places);
        let Places { mut open, mut secret, values, .. } = places;
        open.sort_by_key(|range| (range.start, range.end));
        secret.sort_by_key(|range| (range.start, range.end));
        Self { open, secret, known: values.known(), masking: Masking::Read }
    }

    /// Whether a place has something of a secret.
    fn touches(&self, at: At) -> bool {
        let (start, end) = (at.start as usize, at.end as usize);
        let first = self.secret.partition_point(|range| range.end <= start);
        self.secret.get(first).is_some_and(|range| range.start < end)
    }

    /// The line of a place.
    fn spot(&self, sources: &Sources, at: At) -> Spot {
        const WIDEST: usize = 400;
        let mut spot = sources.spot(at);
        spot.file = printable::line(&spot.file).into();
        let text = &*sources.get(at.source).text;
        let line = sources.line(at);
        let mut end = line.end.min(line.start + 4 * WIDEST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let shown = &text[line.start..end];
        let mut hidden = match self.masking {
            Masking::Open => text::stretches(shown),
            Masking::Read => self.closed(shown, line.start),
            Masking::Keys => behind_key(shown, false),
            Masking::Head => behind_key(shown, true),
        };
        // A line that goes on is cut: what is secret of it must not begin in what is left.
        hidden.retain(|range| range.start < range.end);
        if hidden.is_empty() {
            spot.text = printable::line(&spot.text.replace('\t', " "));
            return spot;
        }
        let offset = (at.start as usize).clamp(line.start, end) - line.start;
        let until = (at.end as usize).clamp(line.start + offset, end) - line.start;
        let written = super::cut(shown, &hidden);
        let (from, to) = (moved(shown, &hidden, offset, false), moved(shown, &hidden, until, true));
        spot.text = printable::line(&written.trim_end_matches('\r').replace('\t', " ")).chars().take(WIDEST).collect();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        spot.mark = (number(from + 1), number(to.saturating_sub(from).max(1)));
        spot
    }

    /// The stretches of a line that are secret, or not known to be none.
    fn closed(&self, line: &str, start: usize) -> Vec<Range<usize>> {
        let end = start + line.len();
        let inside = |list: &[Range<usize>]| -> Vec<Range<usize>> {
            let begin = list.partition_point(|range| range.start < start).saturating_sub(1);
            // A text of many lines begins earlier than some that lie in it.
            let list = list[begin..].iter().take_while(|range| range.start < end);
            list.filter(|range| range.end > start)
                .map(|range| range.start.max(start) - start..range.end.min(end) - start)
                .collect()
        };
        let mut hidden = inside(&self.secret);
        let open = inside(&self.open);
        let bytes = line.as_bytes();
        let mut at = 0;
        let covered =
            |at: usize, list: &[Range<usize>]| list.iter().find(|range| range.contains(&at)).map(|range| range.end);
        let known: Vec<Range<usize>> = hidden.iter().chain(&open).cloned().collect();
        while at < bytes.len() {
            if let Some(end) = covered(at, &known) {
                at = end;
            } else if matches!(
                bytes[at],
                b' ' | b'\t'
                    | b'\r'
                    | b'-'
                    | b':'
                    | b'{'
                    | b'}'
                    | b'['
                    | b']'
                    | b','
                    | b'"'
                    | b'\''
                    | b'|'
                    | b'>'
                    | b'?'
            ) {
                at += 1;
            } else if matches!(bytes[at], b'!' | b'&' | b'*') && at > 0 && bytes[at - 1] == b' ' {
                // A tag, an anchor, an alias.
                at += bytes[at..]
                    .iter()
                    .position(|byte| matches!(byte, b' ' | b',' | b'}' | b']'))
                    .unwrap_or(bytes.len() - at);
            } else {
                let begin = at;
                while at < bytes.len() && covered(at, &known).is_none() {
                    at += 1;
                }
                let mut last = at;
                while last > begin + 1 && matches!(bytes[last - 1], b' ' | b'}' | b']' | b',' | b'\r' | b':') {
                    last -= 1;
                }
                hidden.push(begin..last);
            }
        }
        text_tidy(line, hidden)
    }
}

fn text_tidy(line: &str, mut hidden: Vec<Range<usize>>) -> Vec<Range<usize>> {
    text::tidy(line, &mut hidden);
    hidden
}

/// Where a byte of a line is, in letters, once the hidden stretches are cut. Within one, it is at its begin or its end.
fn moved(line: &str, hidden: &[Range<usize>], at: usize, is_end: bool) -> usize {
    let (mut letters, mut from) = (0, 0);
    for range in hidden {
        if at <= range.start {
            break;
        }
        letters += line[from..range.start].chars().count();
        if at < range.end || is_end && at == range.end {
            return letters + if is_end { HIDDEN.len() } else { 0 };
        }
        letters += HIDDEN.len();
        from = range.end;
    }
    let mut at = at.max(from);
    while !line.is_char_boundary(at) {
        at -= 1;
    }
    letters + line[from..at].chars().count()
}

/// How the lines of a document are shown that is no tree.
fn masking(piece: &str) -> Masking {
    let has_escape = piece.contains("\\x") || piece.contains("\\u") || piece.contains("\\U") || piece.contains("\\\n");
    if has_escape || piece.contains("stringData") || mentions_secret(piece) {
        return Masking::Head;
    }
    let names = piece.split(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.')));
    if names.into_iter().any(super::is_credential) || !text::stretches(piece).is_empty() {
        Masking::Keys
    } else {
        Masking::Open
    }
}

/// `Secret`, however the kind is written.
fn mentions_secret(piece: &str) -> bool {
    piece.split(|letter: char| !letter.is_alphanumeric()).any(tree::is_secret_kind)
}

/// All of a line but its key, if it has one.
fn behind_key(line: &str, is_head: bool) -> Vec<Range<usize>> {
    const HEAD: [&str; 13] = [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "labels",
        "annotations",
        "type",
        "data",
        "stringData",
        "immutable",
        "items",
        "spec",
    ];
    let begin = line.len() - line.trim_start_matches([' ', '-', '\t', '{']).len();
    let end = line.trim_end().len().max(begin);
    let Some(colon) = line[begin..end].find(':').map(|offset| begin + offset) else { return whole(begin..end) };
    let key = line[begin..colon].trim().trim_matches(['"', '\'']);
    let is_known = HEAD.contains(&key);
    let is_word = !key.is_empty()
        && key.len() < 64
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'));
    if !is_known && (is_head || !is_word) {
        return whole(begin..end);
    }
    let value = colon + 1 + (line[colon + 1..].len() - line[colon + 1..].trim_start().len());
    let said = &line[value.min(end)..end];
    let is_plain = matches!(key, "apiVersion" | "kind" | "name" | "namespace" | "type" | "image")
        && !said.contains(['{', '[', ',', '"', '\\', ':']);
    if is_plain || matches!(said, "|" | ">" | "|-" | ">-") { Vec::new() } else { whole(value.min(end)..end) }
}

fn whole(range: Range<usize>) -> Vec<Range<usize>> {
    if range.is_empty() { Vec::new() } else { vec![range] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_about_a_secret_go() {
        assert_eq!(unquoted("`0123` is the number 83 here"), "`(hidden)` is the number (hidden) here");
        assert_eq!(
            unquoted("env[0].value: Invalid value: \"a\\\"b\": must be text"),
            "env[0].value: Invalid value: \"(hidden)\": must be text"
        );
    }

    #[test]
    fn places_move_with_the_line() {
        let hidden = [Range { start: 3, end: 8 }];
        assert_eq!(
            (
                moved("a: bcdef, g", &hidden, 3, false),
                moved("a: bcdef, g", &hidden, 8, true),
                moved("a: bcdef, g", &hidden, 10, false)
            ),
            (3, 11, 13)
        );
    }
}
