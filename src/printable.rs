//! Text of others made fit to be read: nothing in it commands a terminal, turns around what is read, or stands there
//! unseen. Knows text alone.

use std::fmt::Write as _;

/// Whether a character does something instead of being read.
#[must_use]
pub(crate) const fn commands(letter: char) -> bool {
    matches!(letter,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}' | '\u{1160}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}' | '\u{2029}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// A text with signs in the place of such characters. Line breaks stay.
#[must_use]
pub(crate) fn text(text: &str) -> String {
    text.chars().map(|letter| if commands(letter) && letter != '\n' { '\u{fffd}' } else { letter }).collect()
}

/// The same, on one line.
#[must_use]
pub(crate) fn line(text: &str) -> String {
    text.chars().map(|letter| if commands(letter) { '\u{fffd}' } else { letter }).collect()
}

/// JSON in which such characters are escaped: it means the same.
#[must_use]
pub(crate) fn json(text: &str) -> String {
    let is_raw = |letter: char| commands(letter) && !letter.is_ascii();
    if !text.contains(is_raw) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 64);
    for letter in text.chars() {
        if is_raw(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_is_replaced() {
        assert_eq!(text("a\u{1b}[31m\nb\u{202e}\u{9b}"), "a\u{fffd}[31m\nb\u{fffd}\u{fffd}");
        assert_eq!(line("a\nb"), "a\u{fffd}b");
        assert_eq!(line("web\u{200b}\u{feff}:1\u{ad}"), "web\u{fffd}\u{fffd}:1\u{fffd}");
        assert_eq!(json("\"a\u{202e}\u{e0001}\n\""), "\"a\\u202e\\udb40\\udc01\n\"");
    }
}
