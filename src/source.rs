//! Where things are: the files a run has read, and places in them. Knows text and offsets, nothing of YAML.

use std::sync::Arc;

/// A file's number within one run's [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

/// A place: a stretch of bytes in one source.
///
/// Twelve bytes and `Copy`, so that every node of every tree carries one: a manifest's field still knows the line of
/// the spec that caused it, however often it was merged and moved on the way.
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
    /// The whole text, as it was read: to copy a large one costs as much as to read it.
    pub text: Arc<String>,
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
    /// Where the place is in `text`, and how wide, which may not be what is written in the file.
    pub mark: (u32, u32),
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
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<String>) -> SourceId {
        let id = SourceId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Source { name: name.into(), text: Arc::new(text.into()), lines: std::sync::OnceLock::new() });
        id
    }

    /// The source of that number.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0 as usize]
    }

    /// All of them, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.list.iter()
    }

    /// Where the line of a place begins and ends, in bytes.
    #[must_use]
    pub fn line(&self, at: At) -> std::ops::Range<usize> {
        let text = &*self.get(at.source).text;
        let start = (at.start as usize).min(text.len());
        let bytes = text.as_bytes();
        let begin = bytes[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let end = bytes[start..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |length| start + length);
        begin..end
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
            std::iter::once(0)
                .chain(newlines.map(|(offset, _)| u32::try_from(offset + 1).unwrap_or(u32::MAX)))
                .collect()
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
        let (column, width) =
            (u32::try_from(column).unwrap_or(u32::MAX), u32::try_from(width.min(WIDEST)).unwrap_or(1));
        Spot {
            file: source.name.clone(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column,
            text: short,
            width,
            mark: (column, width),
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
