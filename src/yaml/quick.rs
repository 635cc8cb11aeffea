//! The YAML that nearly all manifests are written in, read in one pass: block maps and lists, scalars of one line,
//! literal blocks, flow collections. Gives up at the first thing that is anything else, wrong or merely rare, and
//! leaves the whole text to the full reader, which knows all of YAML and says what is wrong. A test holds the two to
//! the same values.

use super::plain::Reading;
use super::read::{is_no_json_number, key_name};
use crate::source::{At, SourceId};
use crate::value::{Data, Key, Map, Node, Text};

/// Deeper ones, and larger ones, go to the full reader, which knows the limits.
const DEEPEST: usize = 100;
const LARGEST: usize = 4 << 20;

/// A field that is read of a document, and which of those within it: all of them where none is named. An item of a list
/// is read as the list is.
#[derive(Debug)]
pub struct Field(pub &'static str, pub &'static [Field]);

/// Reads a text of one document. `None` means only that somebody else must read it.
pub(super) fn read(id: SourceId, text: &str, base: usize, reading: Reading) -> Option<Node> {
    read_kept(id, text, base, reading, Keep::All)
}

/// Reads some fields of a text of one document. The others are looked at, for they may be no YAML, and not kept.
pub(super) fn outline(id: SourceId, text: &str, base: usize, fields: &'static [Field]) -> Option<Node> {
    read_kept(id, text, base, Reading::Kubernetes, Keep::These(fields))
}

/// What is kept of what is read.
#[derive(Clone, Copy)]
enum Keep {
    All,
    These(&'static [Field]),
    Nothing,
}

impl Keep {
    /// What of a field's value.
    fn of(self, key: &str) -> Self {
        let Self::These(fields) = self else { return self };
        match fields.iter().find(|field| field.0 == key) {
            Some(Field(_, [])) => Self::All,
            Some(Field(_, inner)) => Self::These(inner),
            None => Self::Nothing,
        }
    }

    const fn is_any(self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

fn read_kept(id: SourceId, text: &str, base: usize, reading: Reading, keep: Keep) -> Option<Node> {
    if text.len() > LARGEST || u32::try_from(base + text.len()).is_err() || !is_plain_text(text.as_bytes()) {
        return None;
    }
    let mut quick = Quick { bytes: text.as_bytes(), text, at: 0, line: (usize::MAX, 0), id, base, reading, keep };
    let mut column = quick.next_line()?;
    if column == 0 && quick.rest().starts_with(b"---") {
        quick.at += 3;
        quick.end_of_line()?;
        column = quick.next_line()?;
    }
    let node = match quick.peek() {
        b'{' | b'[' if column == 0 => {
            let node = quick.flow(true, 0)?;
            quick.end_of_line()?;
            node
        }
        _ => quick.block(column, 0)?,
    };
    quick.next_line()?;
    (quick.peek() == END).then_some(node)
}

/// No control character but line feeds and tabs, and nothing that some reader takes for a line break or a byte order
/// mark.
fn is_plain_text(bytes: &[u8]) -> bool {
    let suspicious =
        |byte: u8| byte < b' ' && byte != b'\n' && byte != b'\t' || byte == 0x7f || matches!(byte, 0xc2 | 0xe2 | 0xef);
    let mut rest = bytes;
    loop {
        // Whole stretches at once, as most have none of them: a processor looks at many bytes in one step.
        let plain =
            rest.chunks(STRETCH).take_while(|some| !some.iter().fold(false, |any, byte| any | suspicious(*byte)));
        rest = &rest[rest.len().min(plain.count() * STRETCH)..];
        let Some(position) = rest.iter().position(|byte| suspicious(*byte)) else { return true };
        match rest[position..] {
            [0xc2, 0xa0..=0xff, ..] => {}
            [0xc2, ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..] | [0xef, 0xbb, 0xbf, ..] | [0xef, 0xbf, 0xbe | 0xbf, ..] => {
                return false;
            }
            [0xe2 | 0xef, ..] => {}
            _ => return false,
        }
        rest = &rest[position + 1..];
    }
}

/// So many bytes are looked at in one go.
const STRETCH: usize = 64;

/// What stands behind the last byte.
const END: u8 = 0;

struct Quick<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Where the line that [`Quick::next_line`] last came to says something, and its column.
    line: (usize, usize),
    id: SourceId,
    base: usize,
    reading: Reading,
    keep: Keep,
}

/// What may end a plain scalar, or a word of it.
static ENDS_WORDS: [bool; 256] = {
    let mut ends = [false; 256];
    let bytes = b"\n\t :,[]{}";
    let mut at = 0;
    while at < bytes.len() {
        ends[bytes[at] as usize] = true;
        at += 1;
    }
    ends
};

/// What a scalar of one line turned out to be.
enum Scalar<'a> {
    Plain(&'a str),
    Quoted(Text),
}

impl<'a> Quick<'a> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(END)
    }

    fn peek_after(&self) -> u8 {
        self.bytes.get(self.at + 1).copied().unwrap_or(END)
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn place(&self, start: usize, end: usize) -> At {
        let offset = |byte: usize| u32::try_from(self.base + byte).unwrap_or(u32::MAX);
        At { source: self.id, start: offset(start), end: offset(end) }
    }

    fn spaces(&mut self) -> usize {
        let rest = self.rest();
        let blanks = rest.iter().position(|byte| *byte != b' ').unwrap_or(rest.len());
        self.at += blanks;
        blanks
    }

    /// Ends the line: only blanks or a comment may be left of it.
    fn end_of_line(&mut self) -> Option<()> {
        let blanks = self.spaces();
        match self.peek() {
            // Go's reader takes a comment right behind a quote too.
            b'#' if blanks > 0 || self.reading == Reading::Kubernetes && self.is_behind_quote() => {
                self.at += self.rest().iter().position(|byte| *byte == b'\n').unwrap_or(self.rest().len());
                Some(())
            }
            b'\n' | END => Some(()),
            _ => None,
        }
    }

    fn is_behind_quote(&self) -> bool {
        self.at > 0 && matches!(self.bytes[self.at - 1], b'"' | b'\'')
    }

    /// Goes to the first byte of the next line that says anything, and gives its column. At the end of the text the
    /// column is that of nothing: 0.
    fn next_line(&mut self) -> Option<usize> {
        if self.line.0 == self.at {
            return Some(self.line.1);
        }
        let column = loop {
            let column = self.spaces();
            match self.peek() {
                b'\n' => self.at += 1,
                b'#' => self.at += self.rest().iter().position(|byte| *byte == b'\n').unwrap_or(self.rest().len()),
                END => break 0,
                b'\t' | b'%' => return None,
                b'.' if column == 0 && self.rest().starts_with(b"...") => return None,
                _ => break column,
            }
        };
        self.line = (self.at, column);
        Some(column)
    }

    /// Whether a list's item begins here.
    fn is_item(&self) -> bool {
        self.peek() == b'-' && matches!(self.peek_after(), b' ' | b'\n' | END)
    }

    /// The value that begins here, at this column.
    fn block(&mut self, column: usize, depth: usize) -> Option<Node> {
        if depth > DEEPEST || self.at >= self.bytes.len() {
            return None;
        }
        if self.is_item() { self.list(column, depth) } else { self.map(column, depth, None) }
    }

    fn list(&mut self, column: usize, depth: usize) -> Option<Node> {
        let start = self.at;
        let mut items = Vec::new();
        loop {
            self.at += 1;
            let blanks = self.spaces();
            let inner = column + 1 + blanks;
            let item = if self.is_item() && blanks > 0 {
                self.block(inner, depth + 1)?
            } else if matches!(self.peek(), b'\n' | END) || self.peek() == b'#' && blanks > 0 {
                self.end_of_line()?;
                self.below(column, false, depth)?
            } else {
                self.item(column, inner, depth)?
            };
            if self.keep.is_any() {
                items.push(item);
            }
            let end = self.at;
            let next = self.next_line()?;
            if next == column && self.is_item() {
                continue;
            }
            if next > column {
                return None;
            }
            return Some(Node::list(items, self.place(start, end)));
        }
    }

    /// An item that begins on the line of its dash: a map if a key comes first.
    fn item(&mut self, column: usize, inner: usize, depth: usize) -> Option<Node> {
        if matches!(self.peek(), b'|' | b'{' | b'[') {
            return self.value(column, depth);
        }
        let start = self.at;
        let scalar = self.scalar(false)?;
        let end = self.at;
        if self.peek() == b':' {
            let key = self.key(scalar, start, end)?;
            return self.map(inner, depth + 1, Some(key));
        }
        self.end_of_line()?;
        self.node(scalar, start, end)
    }

    /// A map whose keys stand at this column; the first may have been read.
    fn map(&mut self, column: usize, depth: usize, first: Option<Key>) -> Option<Node> {
        if depth > DEEPEST {
            return None;
        }
        let mut map = Map::new();
        let mut next = first;
        let mut place: Option<At> = None;
        loop {
            let key = if let Some(key) = next.take() {
                key
            } else {
                let start = self.at;
                let scalar = self.scalar(false)?;
                let end = self.at;
                self.key(scalar, start, end)?
            };
            let start = place.map_or(key.at, |place| place);
            place = Some(start);
            // The colon.
            self.at += 1;
            let here = self.keep;
            self.keep = here.of(&key.name);
            let blanks = self.spaces();
            let value = match self.peek() {
                b'\n' | END => self.below(column, true, depth)?,
                b'#' if blanks > 0 => {
                    self.end_of_line()?;
                    self.below(column, true, depth)?
                }
                _ if blanks > 0 => self.value(column, depth)?,
                _ => return None,
            };
            if self.keep.is_any() && map.set(key, value).is_some() {
                return None;
            }
            self.keep = here;
            let end = self.place(self.at, self.at);
            let next = self.next_line()?;
            if self.peek() == END || next < column {
                return Some(Node::map(map, At { end: end.end, ..start }));
            }
            if next > column {
                return None;
            }
            if column == 0 && self.rest().starts_with(b"---") {
                return None;
            }
            // A list may stand at its key's column; behind another value it is an error.
            if self.is_item() {
                return None;
            }
        }
    }

    /// What a key or a dash without a value on its own line has: something further in, or nothing.
    fn below(&mut self, column: usize, list_at_column: bool, depth: usize) -> Option<Node> {
        let here = self.at;
        let next = self.next_line()?;
        if self.peek() != END {
            if next > column {
                return match self.peek() {
                    b'{' | b'[' | b'|' | b'"' | b'\'' if !self.begins_entry() => None,
                    _ => self.block(next, depth + 1),
                };
            }
            if list_at_column && next == column && self.is_item() {
                return self.list(column, depth + 1);
            }
        }
        self.at = here;
        Some(Node::null(self.place(here, here)))
    }

    /// Whether a quoted key begins here; a flow collection or a block on a line of its own is left to the full reader.
    fn begins_entry(&self) -> bool {
        matches!(self.peek(), b'"' | b'\'')
    }

    /// A value that begins on the line of its key or dash.
    fn value(&mut self, column: usize, depth: usize) -> Option<Node> {
        match self.peek() {
            b'|' => self.literal(column),
            b'{' | b'[' => {
                let node = self.flow(false, depth + 1)?;
                self.end_of_line()?;
                Some(node)
            }
            _ => {
                let start = self.at;
                let scalar = self.scalar(false)?;
                let end = self.at;
                self.end_of_line()?;
                self.node(scalar, start, end)
            }
        }
    }

    fn node(&self, scalar: Scalar<'a>, start: usize, end: usize) -> Option<Node> {
        let data = match scalar {
            Scalar::Quoted(text) => Data::Text(text),
            Scalar::Plain(text) if !self.keep.is_any() => {
                if is_no_json_number(text) {
                    return None;
                }
                Data::Null
            }
            Scalar::Plain(text) => {
                let data = self.reading.plain(text);
                if self.reading == Reading::Core && Reading::Kubernetes.plain(text) != data || is_no_json_number(text) {
                    return None;
                }
                data
            }
        };
        Some(Node::new(data, self.place(start, end)))
    }

    fn key(&self, scalar: Scalar<'a>, start: usize, end: usize) -> Option<Key> {
        if self.peek() != b':' {
            return None;
        }
        if !self.keep.is_any() {
            let name = Text::default();
            return (!matches!(scalar, Scalar::Plain("<<"))).then(|| Key { name, at: self.place(start, end) });
        }
        let node = self.node(scalar, start, end)?;
        let name = key_name(&node.data)?;
        (name != "<<").then_some(Key { name, at: node.at })
    }

    /// A scalar of one line. Stops behind its last letter, or at the colon that makes it a key.
    fn scalar(&mut self, flow: bool) -> Option<Scalar<'a>> {
        match self.peek() {
            b'"' => self.double_quoted(),
            b'\'' => self.single_quoted(),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'%' | b'@' | b'`' | END => {
                None
            }
            b'-' | b'?' | b':' if matches!(self.peek_after(), b' ' | b'\n' | b'\t' | END) || flow => {
                let number = self.peek() == b'-' && self.peek_after().is_ascii_digit();
                if number { self.plain(flow) } else { None }
            }
            _ => self.plain(flow),
        }
    }

    fn plain(&mut self, flow: bool) -> Option<Scalar<'a>> {
        let start = self.at;
        let mut end = start;
        loop {
            let rest = self.rest();
            let letters = rest.iter().position(|byte| ENDS_WORDS[usize::from(*byte)]).unwrap_or(rest.len());
            if letters > 0 {
                self.at += letters;
                end = self.at;
            }
            match self.peek() {
                b'\n' | END => break,
                b' ' => {
                    self.at += 1;
                    if self.peek() == b'#' {
                        break;
                    }
                    continue;
                }
                b':' if matches!(self.peek_after(), b' ' | b'\n' | END) => break,
                b':' if flow && matches!(self.peek_after(), b',' | b'[' | b']' | b'{' | b'}') => return None,
                b',' | b'[' | b']' | b'{' | b'}' if flow => break,
                b'\t' => return None,
                _ => {}
            }
            self.at += 1;
            end = self.at;
        }
        // A colon makes a key only of what stands right before it; blanks in between are rare.
        if self.peek() == b':' && end != self.at {
            return None;
        }
        self.at = end;
        Some(Scalar::Plain(&self.text[start..end]))
    }

    fn double_quoted(&mut self) -> Option<Scalar<'a>> {
        let start = self.at + 1;
        let length = self.bytes[start..].iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\t'))?;
        self.at = start + length;
        if self.peek() == b'"' {
            self.at += 1;
            return Some(Scalar::Quoted(self.kept(&self.text[start..start + length])));
        }
        let mut text = String::from(&self.text[start..self.at]);
        loop {
            let piece = self.at;
            self.at += self.rest().iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\t'))?;
            text.push_str(&self.text[piece..self.at]);
            match (self.peek(), self.peek_after()) {
                (b'"', _) => {
                    self.at += 1;
                    return Some(Scalar::Quoted(text.into()));
                }
                (b'\\', escape) => {
                    text.push(match escape {
                        b'n' => '\n',
                        b't' => '\t',
                        b'r' => '\r',
                        b'"' => '"',
                        b'\\' => '\\',
                        b'/' => '/',
                        _ => return None,
                    });
                    self.at += 2;
                }
                _ => return None,
            }
        }
    }

    fn single_quoted(&mut self) -> Option<Scalar<'a>> {
        let start = self.at + 1;
        let length = self.bytes[start..].iter().position(|byte| matches!(byte, b'\'' | b'\n' | b'\t'))?;
        self.at = start + length;
        if self.peek() != b'\'' || self.peek_after() == b'\'' {
            return None;
        }
        self.at += 1;
        Some(Scalar::Quoted(self.kept(&self.text[start..start + length])))
    }

    fn kept(&self, text: &str) -> Text {
        if self.keep.is_any() { Text::new(text) } else { Text::default() }
    }

    /// A literal block, indented further than `column`.
    fn literal(&mut self, column: usize) -> Option<Node> {
        self.at += 1;
        let strip = self.peek() == b'-';
        self.at += usize::from(strip);
        self.end_of_line()?;
        if self.peek() != b'\n' {
            return None;
        }
        self.at += 1;
        let first = self.at;
        let indent = self.spaces();
        // A block that begins with an empty line, or has none that says anything, is rare.
        if indent <= column || matches!(self.peek(), b'\n' | b'\t' | END) {
            return None;
        }
        self.at = first;
        let mut text = String::new();
        let mut blank = 0;
        loop {
            let line = self.at;
            let Some(length) = self.rest().iter().position(|byte| *byte == b'\n') else {
                // The last line of a file has no line break, and readers differ on whether the text gets one.
                if self.spaces() >= indent || self.peek() != END {
                    return None;
                }
                break;
            };
            let content = &self.text[line..line + length];
            let blanks = content.bytes().take_while(|byte| *byte == b' ').count();
            if blanks == length && length <= indent {
                blank += 1;
            } else if blanks < indent {
                if blanks > column || content.as_bytes()[blanks] == b'\t' {
                    return None;
                }
                self.at = line;
                break;
            } else if self.keep.is_any() {
                text.extend(std::iter::repeat_n('\n', blank));
                blank = 0;
                text.push_str(&content[indent..]);
                text.push('\n');
            }
            self.at = line + length + 1;
        }
        if strip && text.ends_with('\n') {
            text.pop();
        }
        // The line break belongs to what follows.
        let end = self.at;
        self.at = self.at.saturating_sub(1);
        Some(Node::text(text, self.place(first + indent, end)))
    }

    /// A flow collection: on one line, or over many when the whole document is one, as JSON is.
    fn flow(&mut self, many_lines: bool, depth: usize) -> Option<Node> {
        if depth > DEEPEST {
            return None;
        }
        let start = self.at;
        let is_map = self.peek() == b'{';
        let close = if is_map { b'}' } else { b']' };
        self.at += 1;
        let (mut items, mut map) = (Vec::new(), Map::new());
        self.flow_blanks(many_lines)?;
        while self.peek() != close {
            if is_map {
                let key_start = self.at;
                let scalar = self.scalar(true)?;
                let quoted = matches!(scalar, Scalar::Quoted(_));
                let key = self.key(scalar, key_start, self.at)?;
                self.at += 1;
                if !quoted && !matches!(self.peek(), b' ' | b'\n') {
                    return None;
                }
                self.flow_blanks(many_lines)?;
                let here = self.keep;
                self.keep = here.of(&key.name);
                let value = self.flow_value(many_lines, depth)?;
                if self.keep.is_any() && map.set(key, value).is_some() {
                    return None;
                }
                self.keep = here;
            } else {
                let value = self.flow_value(many_lines, depth)?;
                if self.keep.is_any() {
                    items.push(value);
                }
            }
            self.flow_blanks(many_lines)?;
            match self.peek() {
                b',' => {
                    self.at += 1;
                    self.flow_blanks(many_lines)?;
                }
                byte if byte == close => {}
                _ => return None,
            }
        }
        self.at += 1;
        let place = self.place(start, self.at);
        Some(if is_map { Node::map(map, place) } else { Node::list(items, place) })
    }

    fn flow_value(&mut self, many_lines: bool, depth: usize) -> Option<Node> {
        if matches!(self.peek(), b'{' | b'[') {
            return self.flow(many_lines, depth + 1);
        }
        let start = self.at;
        let scalar = self.scalar(true)?;
        let node = self.node(scalar, start, self.at)?;
        self.flow_blanks(many_lines)?;
        matches!(self.peek(), b',' | b'}' | b']').then_some(node)
    }

    fn flow_blanks(&mut self, many_lines: bool) -> Option<()> {
        loop {
            self.spaces();
            match self.peek() {
                b'\n' | b'\t' if many_lines => self.at += 1,
                b'\n' | b'\t' | END | b'#' => return None,
                _ => return Some(()),
            }
        }
    }
}
