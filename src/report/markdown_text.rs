//! Somebody's text within Markdown, such that GitHub and GitLab show it as it is: no mention, link, picture, tag, emoji
//! or formula comes of it.

use super::clean;

/// Keeps what follows a sign from being read together with it; takes no room.
const APART: char = '\u{200b}';

/// Text within a sentence or a table. What stands between two single backticks is code, there as here.
pub(super) fn prose(text: &str) -> String {
    let text = clean(text);
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.as_str();
    while let Some(start) = rest.find('`') {
        plain(&rest[..start], &mut out);
        rest = &rest[start..];
        let run = rest.len() - rest.trim_start_matches('`').len();
        let inside = &rest[run..];
        let length = inside.find('`').unwrap_or(0);
        let closed = inside[length..].starts_with('`') && !inside[length..].starts_with("``");
        if run == 1 && length > 0 && closed {
            out.push_str(&code(&inside[..length]));
            rest = &inside[length + 1..];
        } else {
            out.push_str(&"\\`".repeat(run));
            rest = inside;
        }
    }
    plain(rest, &mut out);
    out
}

fn plain(text: &str, out: &mut String) {
    let letters: Vec<char> = text.chars().collect();
    for (position, letter) in letters.iter().copied().enumerate() {
        let (before, after) = (&letters[..position], &letters[position + 1..]);
        match letter {
            '\n' => out.push_str("<br>"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' => out.push_str("&#124;"),
            '\\' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '!' | '~' | '^' | '$' => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
        if is_read_with_what_follows(letter, before, after) {
            out.push(APART);
        }
    }
}

/// `@name`, `#1`, `GH-1`, `www.`, `://`, `:emoji:`, and GitLab's `!1`, `~label`, `%milestone`, `$1`, `&1`.
fn is_read_with_what_follows(letter: char, before: &[char], after: &[char]) -> bool {
    let Some(next) = after.first() else { return false };
    match letter {
        '@' | '#' | '!' | '~' | '%' | '$' | '&' => !next.is_whitespace(),
        ':' => *next == '/' || is_emoji(after),
        'w' | 'W' => ends_with(before, "ww") && *next == '.',
        '-' => ends_with(before, "gh") && next.is_ascii_digit(),
        _ => false,
    }
}

fn is_emoji(after: &[char]) -> bool {
    let end = after.iter().position(|letter| !(letter.is_alphanumeric() || matches!(letter, '_' | '+' | '-')));
    end.is_some_and(|end| end > 0 && after[end] == ':')
}

fn ends_with(before: &[char], word: &str) -> bool {
    let count = word.len();
    before.len() >= count
        && before[before.len() - count..]
            .iter()
            .zip(word.chars())
            .all(|(letter, of_word)| letter.eq_ignore_ascii_case(&of_word))
}

/// Text as code within a line, in a table too. A pipe is drawn broken: within code in a table nothing else is safe.
pub(super) fn code(text: &str) -> String {
    let text = clean(text).replace('\n', " ").replace('|', "¦");
    if text.trim().is_empty() {
        return "(nothing)".into();
    }
    let mark = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with([' ', '`']) || text.ends_with([' ', '`']) { " " } else { "" };
    format!("{mark}{pad}{text}{pad}{mark}")
}

/// Text within a tag, where no Markdown is read.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let text = clean(text).replace('\n', " ");
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '@' | '#' => out.extend([letter, APART]),
            ':' if letters.peek() == Some(&'/') => out.extend([letter, APART]),
            _ => out.push(letter),
        }
    }
    out
}

/// A fence that none of the lines closes.
pub(super) fn fence<'t>(lines: impl Iterator<Item = &'t str>) -> String {
    let longest = lines.map(longest_run).max().unwrap_or(0);
    "`".repeat((longest + 1).max(3))
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for letter in text.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_as_more_than_text() {
        for (text, shown) in [
            ("`data` is mounted", "`data` is mounted"),
            ("a `` b ` c", "a \\`\\` b \\` c"),
            ("@all #1 a@b", "@\u{200b}all \\#\u{200b}1 a@\u{200b}b"),
            ("https://a www.b :tada: a:1", "https:\u{200b}//a www\u{200b}.b :\u{200b}tada: a:1"),
            ("<b>|[x](y)", "&lt;b&gt;&#124;\\[x\\](y)"),
        ] {
            assert_eq!(prose(text), shown, "{text}");
        }
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a|b"), "`a¦b`");
        assert_eq!(fence(["a", "````"].into_iter()), "`````");
    }
}
