//! Where things are: the files a run has read, and places in them. Knows text and offsets, nothing of YAML.

use std::sync::Arc;

/// A file's number within one run's [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

/// A place: a stretch of bytes in one source.
///
/// Twelve bytes and `Copy`, so that every node of every tree carries one: a manifest's field still knows the line of the
/// spec that caused it, however often it was merged and moved on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// The file.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl At {
    /// The place that covers the first byte of a source: for what concerns the whole file.
    #[must_use]
    pub const fn top(source: SourceId) -> Self {
        Self { source, start: 0, end: 0 }
    }

    /// The place from the start of `self` to the end of `other`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { end: other.end.max(self.end), ..self }
    }
}

/// One text and the name it is shown under.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as the user would type it.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
    /// Where each line begins; made when the first place is looked up.
    lines: std::sync::OnceLock<Vec<u32>>,
}

/// The texts of one run. Only this turns a place into a line and a column, and only when somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
}

/// A place as people know it. Lines and columns count from one; columns count characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file's name.
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// The text of that line.
    pub text: String,
    /// How many characters of the line belong to the place, at least one.
    pub width: u32,
}

impl Source {
    /// The folder that it lies in, as the user would type it; empty for the current one.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.name.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

impl Sources {
    /// Takes in a text and gives it a number.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Source { name: name.into(), text: text.into(), lines: std::sync::OnceLock::new() });
        id
    }

    /// The source of that number.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0 as usize]
    }

    /// The line in which a place begins, between the one before and the one behind; empty where there is none.
    #[must_use]
    pub fn lines_around(&self, at: At) -> [&str; 3] {
        let text = &*self.get(at.source).text;
        let mut start = (at.start as usize).min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let begin = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let mut rest = text[begin..].splitn(3, '\n');
        let (line, behind) = (rest.next().unwrap_or_default(), rest.next().unwrap_or_default());
        let before = text[..begin].strip_suffix('\n').map_or("", |before| before.rsplit('\n').next().unwrap_or_default());
        [before, line, behind]
    }

    /// The document around a place: what stands between two `---` lines, and no more than 64 KB before and behind.
    #[must_use]
    pub fn document(&self, at: At) -> &str {
        const FAR: usize = 64 << 10;
        let text = &*self.get(at.source).text;
        let mut middle = (at.start as usize).min(text.len());
        let (mut first, mut last) = (middle.saturating_sub(FAR), middle.saturating_add(FAR).min(text.len()));
        for edge in [&mut first, &mut middle, &mut last] {
            while !text.is_char_boundary(*edge) {
                *edge -= 1;
            }
        }
        let begin = text[first..middle].rfind("\n---").map_or(first, |offset| first + offset);
        let end = text[middle..last].find("\n---").map_or(last, |offset| middle + offset);
        &text[begin..end]
    }

    /// Turns a place into file, line, column and the text of the line.
    #[must_use]
    pub fn spot(&self, at: At) -> Spot {
        const WIDEST: usize = 400;
        let source = self.get(at.source);
        let text = &*source.text;
        let mut start = (at.start as usize).min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let lines = source.lines.get_or_init(|| {
            let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(newlines.map(|(offset, _)| u32::try_from(offset + 1).unwrap_or(u32::MAX))).collect()
        });
        let line = lines.partition_point(|first| *first as usize <= start);
        let line_start = lines[line - 1] as usize;
        let before = &text[..start];
        let rest = &text[line_start..];
        let line_text = rest.lines().next().unwrap_or("").trim_end_matches('\r');
        let column = 1 + before[line_start..].chars().count();
        let mut end = (at.end as usize).clamp(start, text.len()).min(line_start + line_text.len()).max(start);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let width = text[start.min(end)..end].trim_end().chars().count().max(1);
        let short: String = line_text.chars().take(WIDEST).collect();
        Spot {
            file: source.name.clone(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            text: short,
            width: u32::try_from(width.min(WIDEST)).unwrap_or(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_lines_and_columns() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "one\ntwö: x\nthree");
        let spot = sources.spot(At { source: id, start: 10, end: 11 });
        assert_eq!((spot.line, spot.column, spot.text.as_str(), spot.width), (2, 6, "twö: x", 1));
        let end = sources.spot(At { source: id, start: 999, end: 9999 });
        assert_eq!((end.line, end.column), (3, 6));
    }
}
