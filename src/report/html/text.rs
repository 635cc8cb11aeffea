//! Somebody's text within HTML, such that it stays text, and differences as elements.

use crate::report::counted;
use crate::report::differences::{self, Difference, Line, Piece, Row};
pub(super) use crate::report::markup::escaped;
use std::fmt::Write as _;

/// A value is shown up to this many letters, and its ends beyond.
const LONGEST: usize = 2_000;

/// So many lines of one difference are shown.
const MOST_LINES: usize = 400;

/// A sentence: what stands between two backticks is code.
pub(super) fn spoken_text(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) || parts.iter().skip(1).step_by(2).any(|part| part.is_empty()) {
        return escaped(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for (position, part) in parts.iter().enumerate() {
        if position % 2 == 1 {
            let _ = write!(out, "<code>{}</code>", escaped(part));
        } else {
            out.push_str(&escaped(part));
        }
    }
    out
}

/// What a filter looks in: small letters, and not without end.
pub(super) fn findable(text: &str) -> String {
    escaped(&text.chars().take(1_000).collect::<String>().to_lowercase())
}

/// A field's difference.
pub(super) fn difference(difference: &Difference, out: &mut String) {
    match difference {
        Difference::Short(old, new) => {
            side(old.as_deref(), "del", out);
            out.push_str("<span aria-hidden=\"true\">→</span>");
            side(new.as_deref(), "ins", out);
        }
        Difference::Lines(lines) => lines_side_by_side(lines, out),
    }
}

fn side(pieces: Option<&[Piece]>, tag: &str, out: &mut String) {
    match pieces {
        Some(shown) => {
            let _ = write!(out, "<{tag}>");
            marked(shown, out);
            let _ = write!(out, "</{tag}>");
        }
        None => out.push_str("<span class=\"nothing\">nothing</span>"),
    }
}

fn marked(pieces: &[Piece], out: &mut String) {
    for piece in pieces {
        let text = escaped(&shortened(&piece.text));
        if piece.differs {
            let _ = write!(out, "<mark>{text}</mark>");
        } else {
            out.push_str(&text);
        }
    }
}

/// A long stretch by its two ends.
fn shortened(text: &str) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let half = LONGEST / 2;
    let (first, last): (String, String) =
        (text.chars().take(half).collect(), text.chars().skip(count - half).collect());
    format!("{first} … {last}")
}

/// Lines of both texts beside each other, where there is room for both.
pub(super) fn lines_side_by_side(lines: &[Line], out: &mut String) {
    out.push_str(if differences::is_one_sided(lines) {
        "<div class=\"lines alone\">"
    } else {
        "<div class=\"lines\">"
    });
    let shown = &lines[..lines.len().min(MOST_LINES)];
    for row in differences::side_by_side(shown) {
        match row {
            Row::Both(text) => {
                let text = escaped(&shortened(text));
                let _ = write!(
                    out,
                    "<div class=\"pair\"><span>{text}</span><span class=\"right again\" \
                        aria-hidden=\"true\">{text}</span></div>"
                );
            }
            Row::Changed(old, new) => {
                out.push_str("<div class=\"pair\">");
                half(old, "old", "void", out);
                half(new, "right fresh", "right void", out);
                out.push_str("</div>");
            }
            Row::Skipped(count) => _ = write!(out, "<div class=\"gap\">{} as before</div>", counted(count, "line")),
        }
    }
    if lines.len() > MOST_LINES {
        let _ =
            write!(out, "<div class=\"gap\">{} not shown here</div>", counted(lines.len() - MOST_LINES, "more line"));
    }
    out.push_str("</div>");
}

fn half(pieces: Option<&[Piece]>, full: &str, void: &str, out: &mut String) {
    match pieces {
        Some(pieces) => {
            let _ = write!(out, "<span class=\"{full}\">");
            marked(pieces, out);
            out.push_str("</span>");
        }
        None => _ = write!(out, "<span class=\"{void}\"></span>"),
    }
}
