//! What helps whoever types: the meaning of what is under the cursor, and what may be typed there.

use super::document::{Document, Place, block_of, uri_of};
use super::names;
use crate::cli::wire;
use crate::disk;
use crate::editor::names::{Mention, What};
use crate::editor::{self, Proposal, cursor, formula};
use crate::value::Node;
use serde_json::{Value, json};

/// What the field, or the finding, under the cursor is.
pub(super) fn hover(place: &Place<'_>, has_markdown: bool) -> Option<Value> {
    let mut found = cursor_of(place)?;
    found.path.extend(found.key);
    let path = &found.path;
    let block = block_of(place.uri)?;
    let steps = || path.iter().map(String::as_str);
    let code = code_named(place, path);
    let page = match (code, has_markdown) {
        (Some(code), _) => format!("{} ({}, {})\n\n{}", code.id, code.name, code.level.word(), code.page),
        (None, true) => editor::markdown(&path.join("."), editor::meaning(block, steps())?, &crate::kubernetes_fields),
        (None, false) => editor::page(&path.join("."), editor::meaning(block, steps())?, &crate::kubernetes_fields),
    };
    Some(json!({"contents": {"kind": if has_markdown { "markdown" } else { "plaintext" }, "value": page}}))
}

/// The finding that an item of `allow`, or a level of the workspace, names there.
fn code_named(place: &Place<'_>, path: &[String]) -> Option<&'static crate::diagnostic::Code> {
    let is_rule = path.ends_with(&["allow".to_owned(), "rule".to_owned()]);
    let level = path.len() == 2 && path[0] == "rules";
    let word = if level { path[1].clone() } else { word_at(place.document, place.offset?).filter(|_| is_rule)? };
    crate::codes().into_iter().find(|code| code.id == word || code.name == word)
}

fn word_at(document: &Document, offset: usize) -> Option<String> {
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let begin = document.text[..offset].rfind(|letter| !is_of_word(letter)).map_or(0, |at| at + 1);
    let rest = &document.text[offset..];
    let end = offset + rest.find(|letter| !is_of_word(letter)).unwrap_or(rest.len());
    document.text.get(begin..end).map(str::to_owned)
}

/// What may be typed at the cursor.
pub(super) fn completion(place: &Place<'_>) -> Option<Value> {
    const FUNCTION: u8 = 3;
    const FIELD: u8 = 10;
    const VALUE: u8 = 12;
    let found = cursor_of(place)?;
    let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
    let document = place.document;
    let tree = document.any_tree();
    let block = block_of(place.uri)?;
    let mentions = names::of(document);
    if let Some(source) = formula::before(document.line_before(place.offset?)) {
        let items = formula::proposals(source, &path, tree, &mentions, &|| names::apps(place));
        return Some(
            items
                .iter()
                .map(|item| json!({"label": item.name, "detail": item.text, "insertText": item.name, "kind": FUNCTION}))
                .collect(),
        );
    }
    let mut items = named(&path, &mentions);
    items.extend(editor::proposals(block, &path, &crate::kubernetes_fields));
    items.retain(|item| item.is_field == found.at_key);
    if found.at_key {
        let there = tree.and_then(|tree| below(tree, &path));
        let is_there = |name: &str| there.is_some_and(|map| map.get(name).is_some());
        items.retain(|item| found.key.as_deref() == Some(&*item.name) || !is_there(&item.name));
    }
    Some(
        items
            .iter()
            .map(|item| {
                let typed = if item.is_field { format!("{}: ", item.name) } else { item.name.clone() };
                let kind = if item.is_field { FIELD } else { VALUE };
                json!({"label": item.name, "detail": item.text, "insertText": typed, "kind": kind})
            })
            .collect(),
    )
}

/// The names that are meant at some places: of findings, environments, ports, storage items.
fn named(path: &[&str], mentions: &[Mention]) -> Vec<Proposal> {
    let proposal = |name: &str, text: &str, is_field| Proposal { name: name.into(), text: text.into(), is_field };
    let defined = |what: What, is_field| {
        let mut names: Vec<&str> = mentions
            .iter()
            .filter(|mention| mention.what == what && mention.defines)
            .map(|mention| mention.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| proposal(name, "", is_field)).collect::<Vec<_>>()
    };
    let codes = |is_field| crate::codes().into_iter().map(|code| proposal(code.name, code.id, is_field)).collect();
    match path {
        ["rules"] => codes(true),
        ["rules", _] => ["error", "warning", "note", "off"].map(|word| proposal(word, "", false)).to_vec(),
        [.., "allow", "rule"] => codes(false),
        ["environments", _, "base"] => defined(What::Environment, false),
        [.., "probes", _, "port" | "tcp" | "grpc"] | [.., "targetPort"] => defined(What::Port, false),
        [.., "mounts"] => defined(What::Storage, true),
        [.., "services", _] | [.., "services", _, "ports"] => defined(What::Port, true),
        _ => Vec::new(),
    }
}

/// The map at a path; of a list, none.
fn below<'n>(tree: &'n Node, path: &[&str]) -> Option<&'n Node> {
    path.iter().try_fold(tree, |node, step| node.get(step))
}

fn cursor_of(place: &Place<'_>) -> Option<cursor::Cursor> {
    let number = |name: &str| usize::try_from(place.position[name].as_u64()?).ok();
    let (line, units) = (number("line")?, number("character")?);
    let column = wire::characters(place.document.text.lines().nth(line).unwrap_or_default(), units);
    Some(cursor::at(&place.document.text, line, column))
}

/// Whether a file is one of the two that we give a meaning.
pub(super) fn is_ours(parameters: &Value) -> bool {
    let path = wire::path_of(uri_of(parameters));
    path.is_some_and(|path| path.file_name().is_some_and(|name| name == disk::SPEC || name == disk::WORKSPACE))
}
