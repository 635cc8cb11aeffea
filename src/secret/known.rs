//! The secrets of some trees by their values, to be taken out of sentences that quote them. Knows no sentence.

use super::text;
use super::tree::{self, Cover, Eye};
use crate::value::{Data, Key, Node, Text};
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::ops::Range;

/// Values of so many letters are found in pieces too, as where a sentence cuts them off.
const WINDOW: usize = 12;
/// Shorter ones are found only where they stand by themselves.
const SHORTEST: usize = 3;
/// So many letters are known; of what goes beyond, only the beginning of each value.
const MOST: usize = 1 << 20;
/// A piece of prose that is shorter, such as ` available for `, may stand anywhere.
const PROSE: usize = 24;

/// Secret values.
#[derive(Default)]
pub struct Known {
    /// Those that are shorter than a window.
    words: BTreeSet<String>,
    windows: Vec<u64>,
    /// The digests of longer ones, whole.
    wholes: Vec<u64>,
}

/// Gathers the secrets of trees that are walked through.
#[derive(Default)]
pub(crate) struct Collector {
    secret: BTreeSet<Text>,
    shown: BTreeSet<Text>,
}

impl Eye for Collector {
    fn scalar(&mut self, node: &Node, cover: &Cover) -> Option<Data> {
        let said = said(node)?;
        match cover {
            Cover::Whole => {
                self.secret.insert(said);
            }
            Cover::Parts(parts) => self.secret.extend(parts.iter().map(|range| Text::new(&said[range.clone()]))),
            Cover::Shown => {
                if said.len() < 64 {
                    self.shown.insert(said);
                }
            }
        }
        None
    }

    fn key(&mut self, key: &Key, cover: &Cover) -> Option<Text> {
        match cover {
            Cover::Parts(parts) => self.secret.extend(parts.iter().map(|range| Text::new(&key.name[range.clone()]))),
            Cover::Whole => {
                self.secret.insert(key.name.clone());
            }
            Cover::Shown => {
                self.shown.insert(key.name.clone());
            }
        }
        None
    }
}

impl Collector {
    /// What was gathered. What is shown elsewhere is no secret.
    #[must_use]
    pub(crate) fn known(self) -> Known {
        let mut known = Known::default();
        let mut budget = MOST;
        for secret in &self.secret {
            if !self.shown.contains(secret) {
                known.learn(secret, &mut budget);
            }
        }
        for digests in [&mut known.windows, &mut known.wholes] {
            digests.sort_unstable();
            digests.dedup();
        }
        known
    }
}

/// Shows none of them.
impl fmt::Debug for Known {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Known(…)")
    }
}

impl Known {
    /// The secrets of some trees.
    #[must_use]
    pub fn of<'n>(trees: impl IntoIterator<Item = &'n Node>) -> Self {
        let mut collector = Collector::default();
        for tree in trees {
            tree::walk(tree, &mut collector);
        }
        collector.known()
    }

    fn learn(&mut self, secret: &str, budget: &mut usize) {
        let mut forms = vec![secret.to_owned(), secret.trim().to_owned()];
        if secret.contains(|letter: char| !letter.is_ascii_graphic() || matches!(letter, '"' | '\\' | '\'')) {
            // As Go, JSON and a shell quote it.
            let mut quoted = String::new();
            let _ = write!(quoted, "{secret:?}");
            forms.push(quoted.trim_matches('"').to_owned());
            forms.push(serde_json::to_string(secret).unwrap_or_default().trim_matches('"').to_owned());
            forms.push(secret.replace('\'', r"'\''"));
            forms.extend(secret.lines().map(|line| line.trim().to_owned()).filter(|line| line.len() > 5));
        }
        for form in forms {
            if form.len() >= WINDOW {
                let most = form.len().min(if *budget == 0 { 256 } else { MOST });
                *budget = budget.saturating_sub(most);
                self.windows.extend(form.as_bytes()[..most].windows(WINDOW).map(digest));
                if form.len() < PROSE {
                    self.wholes.push(digest(form.as_bytes()));
                }
            } else if form.chars().count() >= SHORTEST {
                self.words.insert(form);
            }
        }
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.windows.is_empty()
    }

    /// A sentence without the secrets that it quotes, known ones and those that look like some.
    #[must_use]
    pub fn hide(&self, sentence: &str) -> String {
        let mut found = text::stretches(sentence);
        self.find(sentence, &mut found);
        text::tidy(sentence, &mut found);
        if found.is_empty() { sentence.to_owned() } else { super::cut(sentence, &found) }
    }

    fn find(&self, sentence: &str, found: &mut Vec<Range<usize>>) {
        if !self.windows.is_empty() {
            let mut runs: Vec<Range<usize>> = Vec::new();
            for (at, window) in sentence.as_bytes().windows(WINDOW).enumerate() {
                if self.windows.binary_search(&digest(window)).is_ok() {
                    match runs.last_mut().filter(|run| run.end >= at) {
                        Some(run) => run.end = at + WINDOW,
                        None => runs.push(at..at + WINDOW),
                    }
                }
            }
            runs.retain(|run| {
                let piece = &sentence.as_bytes()[run.clone()];
                piece.len() >= PROSE
                    || !is_prose(piece)
                    || is_quoted(sentence.as_bytes(), run)
                    || self.wholes.binary_search(&digest(piece)).is_ok()
            });
            found.extend(runs);
        }
        if self.words.is_empty() {
            return;
        }
        let mut before = ' ';
        for (at, letter) in sentence.char_indices() {
            if !before.is_alphanumeric() {
                // However many words there are, it begins with few texts that are as short as they.
                let rest = &sentence[at..];
                for length in SHORTEST..WINDOW.min(rest.len() + 1) {
                    if let Some((word, behind)) = rest.split_at_checked(length)
                        && !behind.starts_with(char::is_alphanumeric)
                        && self.words.contains(word)
                    {
                        found.push(at..at + length);
                    }
                }
            }
            before = letter;
        }
    }
}

/// Whether a piece begins or ends a quotation: that is a value, whole or cut off.
fn is_quoted(sentence: &[u8], piece: &Range<usize>) -> bool {
    let quotes = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    let before = piece.start.checked_sub(1).and_then(|before| sentence.get(before));
    quotes(before) || quotes(sentence.get(piece.end)) || sentence[piece.end..].starts_with("…".as_bytes())
}

/// Words in small letters, with blanks between them.
fn is_prose(piece: &[u8]) -> bool {
    piece.contains(&b' ') && piece.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b' ')
}

fn digest(window: &[u8]) -> u64 {
    window
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The text of a scalar.
pub(super) fn said(node: &Node) -> Option<Text> {
    match &node.data {
        Data::Text(text) => Some(text.clone()),
        Data::Int(value) => Some(value.to_string().into()),
        Data::Float(value) => Some(value.to_string().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;
    use crate::yaml;

    fn hidden(secret: &str, sentence: &str) -> String {
        let mut sources = Sources::default();
        let id = sources.add("secret.yaml", format!("kind: Secret\nstringData: {{a: \"{secret}\"}}\n"));
        Known::of(&yaml::read_one(&sources, id, &mut Diagnostics::default())).hide(sentence)
    }

    #[test]
    fn pieces_of_prose_are_no_secrets() {
        let prose = "this is a long text that is available for everybody";
        assert_eq!(hidden(prose, "no volumes available for this claim"), "no volumes available for this claim");
        assert_eq!(hidden(prose, "it says \"a long text that is available\""), "it says \"(hidden)\"");
        assert_eq!(hidden(prose, "value \"this is a long…\" is odd"), "value \"(hidden)…\" is odd");
        assert_eq!(hidden("open the gate", "value \"open the gate\" is odd"), "value \"(hidden)\" is odd");
        assert_eq!(hidden("s3cr3t-0123456789", "value \"s3cr3t-01234…\" is odd"), "value \"(hidden)…\" is odd");
    }
}
