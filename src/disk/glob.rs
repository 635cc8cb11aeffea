//! Patterns for paths: `*`, `?`, `[a-z]` within a name, `**` for any folders. Knows text only.

/// Whether a text is a pattern at all.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The folder below which everything that can match lies: the parts before the first that is a pattern.
pub(super) fn fixed_part(pattern: &str) -> &str {
    let first = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    pattern[..first].rfind('/').map_or("", |slash| if slash == 0 { "/" } else { &pattern[..slash] })
}

/// Whether a path, `/` between its parts, is one that the pattern means.
#[must_use]
pub fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').filter(|part| *part != ".").collect();
    let path: Vec<&str> = path.split('/').filter(|part| *part != ".").collect();
    // One row of "does the pattern so far match the path so far", as for any edit distance: never exponential.
    let mut row: Vec<bool> = (0..=path.len()).map(|length| length == 0).collect();
    for part in pattern {
        let mut next = vec![false; path.len() + 1];
        if part == "**" {
            let mut any = false;
            for (length, reached) in row.iter().enumerate() {
                any |= reached;
                next[length] = any;
            }
        } else {
            for length in 1..=path.len() {
                next[length] = row[length - 1] && name_matches(part, path[length - 1]);
            }
        }
        row = next;
    }
    row[path.len()]
}

fn name_matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, from));
            at += 1;
        } else if let Some(step) = one(&pattern[at..], name[from]) {
            (at, from) = (at + step, from + 1);
        } else if let Some((after, taken)) = star {
            star = Some((after, taken + 1));
            (at, from) = (after, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

/// How much of the pattern one letter uses up, if it fits.
fn one(pattern: &[char], letter: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => {
            let Some(close) = pattern.iter().skip(2).position(|letter| *letter == ']').map(|position| position + 2)
            else {
                return (letter == '[').then_some(1);
            };
            let negated = matches!(pattern[1], '!' | '^');
            let mut set = &pattern[if negated { 2 } else { 1 }..close];
            let mut inside = false;
            while let [low, rest @ ..] = set {
                if let ['-', high, rest @ ..] = rest {
                    inside |= (*low..=*high).contains(&letter);
                    set = rest;
                } else {
                    inside |= *low == letter;
                    set = rest;
                }
            }
            (inside != negated).then_some(close + 1)
        }
        other => (*other == letter).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, path, expected) in [
            ("deploy/*/a.yaml", "deploy/dev/a.yaml", true),
            ("deploy/*/a.yaml", "deploy/dev/x/a.yaml", false),
            ("deploy/**/a.yaml", "deploy/a.yaml", true),
            ("deploy/**/a.yaml", "deploy/x/y/a.yaml", true),
            ("**/*.yaml", "a.yaml", true),
            ("**/*.yaml", ".git/a.yaml", true),
            ("*.yaml", ".a.yaml", false),
            ("*.y[a-c]ml", "x.yaml", true),
            ("*.y[!a-c]ml", "x.yaml", false),
            ("a[b", "a[b", true),
            ("?-*-*.json", "1-a-b-c.json", true),
            ("?-*-*.json", "1-a.json", false),
            ("./a/*", "a/b", true),
            ("**", "a/b/c", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
        assert_eq!(fixed_part("deploy/dev/*.yaml"), "deploy/dev");
        assert_eq!(fixed_part("*.yaml"), "");
        assert_eq!(fixed_part("/x*/a"), "/");
    }

    #[test]
    fn hostile_patterns_end() {
        let stars = "*a".repeat(200);
        assert!(!matches(&format!("{stars}b"), &"a".repeat(2000)));
        assert!(!matches(&format!("{}b", "**/".repeat(500)), &"a/".repeat(500)));
    }
}
