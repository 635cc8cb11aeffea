//! How two texts and two values differ, line by line and word by word, ready to be shown. Knows no format.

use super::clean;
use crate::review::fields::FieldChange;
use crate::value::{Data, Node};
use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

/// So many lines around a difference are shown with it.
const AROUND: usize = 2;

/// Texts with more differing pairs than this are not compared but replaced: nobody reads that, and it would take long.
const MOST_PAIRS: usize = 4_000_000;

/// Words of lines that have less in common than this, of a hundred letters, are not told apart.
const ALIKE: usize = 30;

/// A stretch of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its text, without what could command a terminal.
    pub(super) text: String,
    /// Whether the other side lacks it.
    pub(super) differs: bool,
}

/// One line of a difference, in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Both have it.
    Both(String),
    /// Only the earlier text has it.
    Old(Vec<Piece>),
    /// Only the later text has it.
    New(Vec<Piece>),
    /// So many lines that both have are not shown.
    Skipped(usize),
}

/// How a field differs.
#[derive(Clone, Debug)]
pub(super) enum Difference {
    /// Two short values, either of which may be missing.
    Short(Option<Vec<Piece>>, Option<Vec<Piece>>),
    /// Line by line.
    Lines(Vec<Line>),
}

/// How a field differs: in a line when both values fit into one, else line by line.
pub(super) fn of_field(field: &FieldChange) -> Difference {
    let (old, new) = (field.old.as_ref(), field.new.as_ref());
    if [old, new].into_iter().flatten().all(is_short) {
        return match (old.map(short), new.map(short)) {
            (Some(old), Some(new)) => {
                let (old, new) = of_words(&old, &new);
                Difference::Short(Some(old), Some(new))
            }
            (old, new) => Difference::Short(old.as_deref().map(whole), new.as_deref().map(whole)),
        };
    }
    let text = |node: Option<&Node>| node.map(block).unwrap_or_default();
    let lines = of_texts(&text(old), &text(new));
    if lines.is_empty() {
        // They differ in their ends, or in their types only.
        return Difference::Short(old.map(|old| whole(&short(old))), new.map(|new| whole(&short(new))));
    }
    Difference::Lines(lines)
}

/// Two texts, line by line, with a few lines around each difference.
pub(super) fn of_texts(old: &str, new: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut lines = Vec::new();
    let mut shown = 0;
    for group in group_diff_ops(operations(&old, &new), AROUND) {
        let begin = group.first().map_or(0, |operation| operation.old_range().start);
        if begin > shown {
            lines.push(Line::Skipped(begin - shown));
        }
        for operation in &group {
            shown = operation.old_range().end;
            let (before, after) = (&old[operation.old_range()], &new[operation.new_range()]);
            match operation {
                DiffOp::Equal { .. } => lines.extend(before.iter().map(|line| Line::Both(clean(line)))),
                _ => replaced(before, after, &mut lines),
            }
        }
    }
    if shown < old.len() && !lines.is_empty() {
        lines.push(Line::Skipped(old.len() - shown));
    }
    lines
}

/// One line of each text beside the other.
#[derive(Clone, Debug)]
pub(super) enum Row<'l> {
    /// Both have it.
    Both(&'l str),
    /// They differ, or only one has it.
    Changed(Option<&'l [Piece]>, Option<&'l [Piece]>),
    /// So many lines that both have are not shown.
    Skipped(usize),
}

/// The lines of both texts beside each other.
pub(super) fn side_by_side(lines: &[Line]) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for line in lines {
        match line {
            Line::Old(pieces) => old.push(pieces.as_slice()),
            Line::New(pieces) => new.push(pieces.as_slice()),
            Line::Both(text) => {
                pair(&mut old, &mut new, &mut rows);
                rows.push(Row::Both(text));
            }
            Line::Skipped(count) => {
                pair(&mut old, &mut new, &mut rows);
                rows.push(Row::Skipped(*count));
            }
        }
    }
    pair(&mut old, &mut new, &mut rows);
    rows
}

fn pair<'l>(old: &mut Vec<&'l [Piece]>, new: &mut Vec<&'l [Piece]>, rows: &mut Vec<Row<'l>>) {
    rows.extend((0..old.len().max(new.len())).map(|row| Row::Changed(old.get(row).copied(), new.get(row).copied())));
    old.clear();
    new.clear();
}

/// Whether only one of the texts has lines of its own, and nothing is around them: what is beside them would be empty.
pub(super) fn is_one_sided(lines: &[Line]) -> bool {
    lines.iter().all(|line| matches!(line, Line::Old(_))) || lines.iter().all(|line| matches!(line, Line::New(_)))
}

/// Lines that took the place of others. Where there are as many of both, each is compared with its own.
fn replaced(old: &[&str], new: &[&str], lines: &mut Vec<Line>) {
    if old.len() != new.len() {
        lines.extend(old.iter().map(|line| Line::Old(whole(line))));
        lines.extend(new.iter().map(|line| Line::New(whole(line))));
        return;
    }
    let (before, after): (Vec<_>, Vec<_>) = old.iter().zip(new).map(|(old, new)| of_words(old, new)).unzip();
    lines.extend(before.into_iter().map(Line::Old));
    lines.extend(after.into_iter().map(Line::New));
}

/// A text that the other side has nothing of: nothing in it stands out.
fn whole(text: &str) -> Vec<Piece> {
    vec![Piece { text: clean(text), differs: false }]
}

/// Two lines word by word. When they have little in common, no word stands out.
fn of_words(old: &str, new: &str) -> (Vec<Piece>, Vec<Piece>) {
    let (before, after) = (tokens(old), tokens(new));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut same = 0;
    for operation in operations(&before, &after) {
        let differs = !matches!(operation, DiffOp::Equal { .. });
        let (old, new) = (before[operation.old_range()].concat(), after[operation.new_range()].concat());
        if !differs {
            same += old.len();
        }
        for (text, side) in [(old, &mut left), (new, &mut right)] {
            if !text.is_empty() {
                side.push(Piece { text: clean(&text).replace('\n', "\u{fffd}"), differs });
            }
        }
    }
    if same * 100 < old.len().max(new.len()) * ALIKE {
        return (whole(old), whole(new));
    }
    (left, right)
}

/// Words, stretches of blanks, and signs.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |letter: char| match letter {
        _ if letter.is_alphanumeric() => 1,
        _ if letter.is_whitespace() => 2,
        _ => 0,
    };
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let of_kind = kind(first);
        let end = match of_kind {
            0 => first.len_utf8(),
            _ => rest.find(|letter| kind(letter) != of_kind).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after;
    }
    tokens
}

fn operations(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let before = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (&old[before..], &new[before..]);
    let after = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old_len, new_len) = (old_rest.len() - after, new_rest.len() - after);
    if old_len.saturating_mul(new_len) < MOST_PAIRS {
        return capture_diff_slices(Algorithm::Myers, old, new);
    }
    let (old_index, new_index) = (before, before);
    let mut operations = vec![DiffOp::Replace { old_index, old_len, new_index, new_len }];
    if before > 0 {
        operations.insert(0, DiffOp::Equal { old_index: 0, new_index: 0, len: before });
    }
    if after > 0 {
        operations.push(DiffOp::Equal { old_index: old.len() - after, new_index: new.len() - after, len: after });
    }
    operations
}

/// Whether a value is shown within a line.
fn is_short(node: &Node) -> bool {
    match &node.data {
        Data::Text(text) => !text.trim_end_matches('\n').contains('\n'),
        Data::List(items) => items.is_empty(),
        Data::Map(map) => map.is_empty(),
        _ => true,
    }
}

/// A value in a line, as JSON has it.
fn short(node: &Node) -> String {
    crate::json::from_node(node).to_string()
}

/// A value over several lines: text as it is, anything else as YAML.
fn block(node: &Node) -> String {
    if let Data::Text(text) = &node.data {
        return text.to_string();
    }
    let mut out = String::new();
    crate::yaml::write_yaml(node, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(pieces: &[Piece]) -> String {
        pieces
            .iter()
            .map(|piece| if piece.differs { format!("[{}]", piece.text) } else { piece.text.clone() })
            .collect()
    }

    fn drawn(old: &str, new: &str) -> Vec<String> {
        let draw = |line: Line| match line {
            Line::Both(text) => format!(" {text}"),
            Line::Old(pieces) => format!("-{}", marked(&pieces)),
            Line::New(pieces) => format!("+{}", marked(&pieces)),
            Line::Skipped(count) => format!("@{count}"),
        };
        of_texts(old, new).into_iter().map(draw).collect()
    }

    #[test]
    fn words_that_changed_stand_out() {
        let (old, new) = of_words("docker.io/luksa/kubia-pet:1.0", "docker.io/luksa/kubia-pet:1.1");
        assert_eq!(
            (marked(&old).as_str(), marked(&new).as_str()),
            ("docker.io/luksa/kubia-pet:1.[0]", "docker.io/luksa/kubia-pet:1.[1]")
        );
        let (old, new) = of_words("nothing alike", "80");
        assert_eq!((marked(&old).as_str(), marked(&new).as_str()), ("nothing alike", "80"));
    }

    #[test]
    fn lines_come_with_what_is_around_them() {
        let old = "a\nb\nc\nd\ne\nsize: 1\nf\ng\nh\ni\n";
        assert_eq!(
            drawn(old, &old.replace("size: 1", "size: 2")),
            ["@3", " d", " e", "-size: [1]", "+size: [2]", " f", " g", "@2"]
        );
        assert_eq!(drawn("", "a\n"), ["+a"]);
        assert_eq!(drawn("a\n", "a\n"), [""; 0]);
    }

    #[test]
    fn texts_without_end_are_replaced_whole() {
        let text = |word: &str| (0..3000).map(|number| format!("{word}{number}")).collect::<Vec<_>>().join("\n");
        let lines = drawn(&format!("same\n{}", text("a")), &format!("same\n{}", text("b")));
        assert_eq!((lines.len(), lines[0].as_str()), (6001, " same"));
    }
}
