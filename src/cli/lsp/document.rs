//! A text as an editor has it open, its tree, its places as the protocol counts them, and what kind of file it is.

use crate::block::Block;
use crate::cli::wire;
use crate::diagnostic::Diagnostics;
use crate::disk;
use crate::source::Sources;
use crate::value::Node;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// A text that is open.
#[derive(Default)]
pub(super) struct Document {
    pub(super) text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    tree: Option<Node>,
    /// Whether the tree is that of the text as it is now.
    is_current: bool,
}

impl Document {
    /// What an editor says that it holds now. While it is broken, what it held before still says which names there are.
    pub(super) fn new(text: String, before: Option<Self>) -> Self {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let id = sources.add("typed", text.as_str());
        let tree = crate::yaml::read_one(&sources, id, &mut found);
        let is_current = tree.is_some();
        let tree = tree.or_else(|| before.and_then(|before| before.tree));
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines, tree, is_current }
    }

    /// The tree of the text, if it has one.
    pub(super) fn tree(&self) -> Option<&Node> {
        self.tree.as_ref().filter(|_| self.is_current)
    }

    /// The tree of the text, or of the last that had one: its places mean nothing then.
    pub(super) fn any_tree(&self) -> Option<&Node> {
        self.tree.as_ref()
    }

    /// A place, as the protocol says it.
    pub(super) fn position(&self, offset: usize) -> Value {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.lines.partition_point(|begin| *begin <= offset).saturating_sub(1);
        let begin = self.lines.get(line).copied().unwrap_or_default();
        let units: usize = self.text[begin..offset].chars().map(char::len_utf16).sum();
        json!({"line": line, "character": units})
    }

    /// A stretch, as the protocol says it.
    pub(super) fn range(&self, bytes: &Range<usize>) -> Value {
        json!({"start": self.position(bytes.start), "end": self.position(bytes.end)})
    }

    /// The place that the protocol means.
    pub(super) fn offset(&self, position: &Value) -> Option<usize> {
        let number = |name: &str| usize::try_from(position[name].as_u64()?).ok();
        let (line, units) = (number("line")?, number("character")?);
        let begin = *self.lines.get(line)?;
        let text = self.text[begin..].lines().next().unwrap_or_default();
        let characters = wire::characters(text, units);
        Some(begin + text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at))
    }

    /// The line of a place up to it.
    pub(super) fn line_before(&self, offset: usize) -> &str {
        let begin = self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        &self.text[begin..offset]
    }

    /// All of it.
    pub(super) fn whole(&self) -> Value {
        self.range(&(0..self.text.len()))
    }
}

/// A place in a document that is open.
pub(super) struct Place<'d> {
    pub(super) uri: &'d str,
    pub(super) document: &'d Document,
    pub(super) position: &'d Value,
    /// Where it is in the text, if the text is so long.
    pub(super) offset: Option<usize>,
    /// All that is open.
    pub(super) documents: &'d BTreeMap<String, Document>,
}

pub(super) fn uri_of(parameters: &Value) -> &str {
    parameters["textDocument"]["uri"].as_str().unwrap_or_default()
}

pub(super) fn is_spec(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == disk::SPEC)
}

pub(super) fn block_of(uri: &str) -> Option<&'static Block> {
    let path = wire::path_of(uri)?;
    if path.file_name().is_some_and(|name| name == disk::WORKSPACE) {
        return Some(crate::spec::workspace::root());
    }
    is_spec(&path).then(crate::spec::root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_have_a_meaning() {
        assert!(block_of("file:///a/statewright.yaml").is_some() && block_of("file:///a/other.yaml").is_none());
        assert!(block_of("file:///a/statewright-workspace.yaml").is_some());
    }

    #[test]
    fn places_are_counted_as_the_protocol_counts() {
        let document = Document::new("a: 1\n# 😀 x\nb: 2\n".into(), None);
        let at = document.text.find(" x").unwrap();
        assert_eq!(document.position(at), json!({"line": 1, "character": 4}));
        assert_eq!(document.offset(&json!({"line": 1, "character": 4})), Some(at));
        assert_eq!(document.offset(&json!({"line": 9, "character": 0})), None);
        assert_eq!(document.offset(&json!({"line": 0, "character": 99})), Some(4));
        assert_eq!(document.line_before(at + 1), "# 😀 ");
        assert!(document.tree().is_some());
        let broken = Document::new("a: [".into(), Some(document));
        assert!(broken.tree().is_none() && broken.any_tree().is_some());
    }
}
