//! Regular expressions as the API server's engine (Go's RE2) reads them, for the one we have. Each by itself: one that
//! cannot be read takes no other with it.

use crate::value::Text;
use regex::{Regex, RegexBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A regular expression, made when it is first used.
#[derive(Debug)]
pub struct Pattern {
    /// As it was written.
    pub written: Text,
    made: OnceLock<Option<Regex>>,
}

/// Bytes that a compiled expression may take. 63 letters of any script take more than 4 MiB.
const LARGEST: usize = 32 << 20;
/// How often a part may be repeated, all repetitions around it counted: RE2's own limit.
const MOST_REPEATED: u64 = 1000;

impl Pattern {
    /// One that was written so.
    #[must_use]
    pub fn new(written: &str) -> Self {
        Self { written: written.into(), made: OnceLock::new() }
    }

    /// Whether a text holds a match; `None` if the expression cannot be read.
    #[must_use]
    pub fn is_match(&self, text: &str) -> Option<bool> {
        self.regex().map(|regex| regex.is_match(text))
    }

    /// The expression; `None` if it cannot be read.
    pub fn regex(&self) -> Option<&Regex> {
        self.made.get_or_init(|| compile(&self.written)).as_ref()
    }
}

/// So many expressions that are no schema's own are kept; then the keeping begins anew.
const MOST_KEPT: usize = 256;

/// Does something with an expression that may have been made before; `None` if it cannot be read.
pub(crate) fn cached<T>(written: &str, with: impl FnOnce(&Regex) -> T) -> Option<T> {
    static KEPT: Mutex<BTreeMap<String, Arc<Option<Regex>>>> = Mutex::new(BTreeMap::new());
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner).get(written).cloned();
    let made = kept.unwrap_or_else(|| {
        let made = Arc::new(compile(written));
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(written.to_owned(), Arc::clone(&made));
        made
    });
    made.as_ref().as_ref().map(with)
}

/// Compiles an expression in Go's syntax.
#[must_use]
pub(crate) fn compile(written: &str) -> Option<Regex> {
    let ours = translate(written)?;
    RegexBuilder::new(&ours).size_limit(LARGEST).dfa_size_limit(LARGEST).nest_limit(200).build().ok()
}

/// Whether a text is a regular expression to the server.
#[must_use]
pub(crate) fn is_pattern(written: &str) -> bool {
    compile(written).is_some()
}

/// Go's syntax in that of our engine. Its classes `\d`, `\s` and `\w` hold ASCII only; a brace that counts nothing, and
/// a bracket among letters, stand for themselves.
fn translate(written: &str) -> Option<String> {
    let mut ours = String::with_capacity(written.len() + 16);
    let mut rest = written.chars().peekable();
    let mut among = false;
    let mut repeats = Repeats::No;
    while let Some(letter) = rest.next() {
        let before = std::mem::replace(&mut repeats, Repeats::No);
        if !among && matches!(letter, '*' | '+' | '?') {
            repeats = match (letter, before) {
                (_, Repeats::No) => Repeats::Once,
                ('?', Repeats::Once) => Repeats::Lazily,
                _ => return None,
            };
        }
        match letter {
            '\\' => escape(rest.next()?, &mut rest, among, &mut ours)?,
            '{' if !among => {
                let bounds: String = rest.clone().take_while(|letter| *letter != '}').take(16).collect();
                let (least, most) = bounds.split_once(',').unwrap_or((&bounds, ""));
                let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                let counts = !least.is_empty()
                    && is_number(least)
                    && is_number(most)
                    && rest.clone().nth(bounds.len()) == Some('}');
                if !counts {
                    ours.push_str("\\{");
                    continue;
                }
                if [least, most]
                    .iter()
                    .any(|bound| !bound.is_empty() && bound.parse::<u64>().is_ok_and(|bound| bound > MOST_REPEATED))
                {
                    return None;
                }
                if before != Repeats::No {
                    return None;
                }
                repeats = Repeats::Once;
                ours.push('{');
                ours.extend(rest.by_ref().take(bounds.len() + 1));
            }
            '[' if among && rest.peek() != Some(&':') => ours.push_str("\\["),
            '&' | '~' if among => {
                ours.push('\\');
                ours.push(letter);
            }
            '-' if among && rest.peek() == Some(&'-') => ours.push_str("\\-"),
            '[' if !among => {
                among = true;
                ours.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    ours.push('^');
                }
                if rest.next_if_eq(&']').is_some() {
                    ours.push_str("\\]");
                }
            }
            '[' => {
                for letter in std::iter::once(letter).chain(rest.by_ref()) {
                    ours.push(letter);
                    if letter == ']' {
                        break;
                    }
                }
            }
            ']' if among => {
                among = false;
                ours.push(']');
            }
            ']' => ours.push_str("\\]"),
            '}' => ours.push_str("\\}"),
            _ => ours.push(letter),
        }
    }
    Some(ours)
}

/// Whether a repetition stands before a place: another one may not follow it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeats {
    No,
    Once,
    Lazily,
}

/// What follows a backslash.
fn escape(
    letter: char,
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    among: bool,
    ours: &mut String,
) -> Option<()> {
    let class = match letter {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => "\\t\\n\\f\\r ",
        _ => "",
    };
    let negated = match letter {
        'D' => "[^0-9]",
        'W' => "[^0-9A-Za-z_]",
        'S' => "[^\\t\\n\\f\\r ]",
        _ => "",
    };
    match letter {
        'd' | 'w' | 's' if among => ours.push_str(class),
        'd' | 'w' | 's' => {
            ours.push('[');
            ours.push_str(class);
            ours.push(']');
        }
        'D' | 'W' | 'S' => ours.push_str(negated),
        'b' if !among => ours.push_str("(?-u:\\b)"),
        'B' if !among => ours.push_str("(?-u:\\B)"),
        'Q' => {
            while let Some(quoted) = rest.next() {
                if quoted == '\\' && rest.next_if_eq(&'E').is_some() {
                    break;
                }
                ours.push_str(&regex::escape(quoted.encode_utf8(&mut [0; 4])));
            }
        }
        // Letters that mean something to our engine and nothing to the server's.
        'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'p' | 'P' | 'A' | 'z' => {
            ours.push('\\');
            ours.push(letter);
            if matches!(letter, 'p' | 'P' | 'x') && rest.peek() == Some(&'{') {
                for letter in rest.by_ref() {
                    ours.push(letter);
                    if letter == '}' {
                        break;
                    }
                }
            }
        }
        '0'..='7' => {
            let mut digits = letter.to_string();
            while digits.len() < 3
                && let Some(digit) = rest.next_if(|next| ('0'..='7').contains(next))
            {
                digits.push(digit);
            }
            if letter != '0' && digits.len() < 2 {
                return None;
            }
            let code = u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32)?;
            ours.push_str(&regex::escape(&code.to_string()));
        }
        '<' | '>' => ours.push(letter),
        letter if letter.is_ascii_alphanumeric() || !letter.is_ascii() => return None,
        letter => {
            ours.push('\\');
            ours.push(letter);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_re2_reads_them() {
        for (pattern, good, bad) in [
            (r"^\d+$", "12", "１２"),
            (r"^\w+\s$", "a_1 ", "é "),
            (r"^[\w.-]+$", "a.b-c", "a b"),
            (r"^[\D]+$", "ab", "a1"),
            (r"^{a}$", "{a}", "a"),
            (r"^a{2}$", "aa", "a"),
            (r"^a{,2}$", "a{,2}", "aa"),
            (r"^[a[b]+$", "a[b", "ac"),
            (r"^[]a]+$", "]a", "b"),
            (r"^[a&&b~~c--d]+$", "a&b~c-", "e"),
            (r"^(?i)(abort|warn)?$", "WARN", "x"),
            (r"^\x{41}\x42\p{Lu}$", "ABC", "ABc"),
            (r"^\Qa.b\E+$", "a.bb", "axb"),
            (r"^[[:alpha:]_]+$", "ab_", "a1"),
            (r"^\_\-\.\/\<\>$", "_-./<>", "x"),
            (r"^a]b}$", "a]b}", "ab"),
            (r"\bfoo\b", "a foo", "afoo"),
            (r"^(?P<a>x)(?:y)$", "xy", "x"),
            (r"^\101$", "A", "B"),
        ] {
            let made = Pattern::new(pattern);
            assert_eq!(
                (made.is_match(good), made.is_match(bad)),
                (Some(true), Some(false)),
                "{pattern}: {:?}",
                translate(pattern)
            );
        }
        for pattern in
            ["(", "a**", "(?=a)", "(?<!a)b", r"\8", r"\y", "a{1001}", "[b-a]", "((a{1000}){1000}){1000}", r"(a)\1"]
        {
            assert_eq!(Pattern::new(pattern).is_match("a"), None, "{pattern}: {:?}", translate(pattern));
        }
    }
}
