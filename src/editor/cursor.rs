//! Where a cursor stands in a YAML text: the keys above it, by indentation and braces. Reads no more than that, so that
//! it works while somebody types.

/// What is at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The keys above, from the outermost.
    pub path: Vec<String>,
    /// The key that the place is in, if it is in one.
    pub key: Option<String>,
    /// Whether a key could be typed here; else it is a value.
    pub at_key: bool,
}

/// What is at a line and a column, both from zero; columns count characters.
#[must_use]
pub(crate) fn at(text: &str, line: usize, column: usize) -> Cursor {
    let lines: Vec<&str> = text.lines().take(line.saturating_add(1)).collect();
    let current = lines.get(line).copied().unwrap_or_default();
    let offset = current.char_indices().nth(column).map_or(current.len(), |(offset, _)| offset);
    let blank = current.trim().is_empty();
    // On an empty line the cursor itself says how deep it is.
    let depth = if blank { offset } else { indentation(current) };
    let mut path = above(&lines[..lines.len().saturating_sub(1).min(line)], depth);
    let body = &current[indentation(current).min(current.len())..];
    let start = current.len() - body.len();
    let mut cursor = Cursor { at_key: true, ..Cursor::default() };
    within(body, offset.saturating_sub(start), &mut path, &mut cursor);
    cursor.path = path;
    cursor
}

/// How deep a line's content stands: behind its blanks and the dashes of list items.
fn indentation(line: &str) -> usize {
    let mut rest = line.trim_start_matches(' ');
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start_matches(' ');
    }
    line.len() - rest.len()
}

/// The keys of the lines that the next one stands below.
fn above(lines: &[&str], depth: usize) -> Vec<String> {
    let (mut path, mut depth) = (Vec::new(), depth);
    for line in lines.iter().rev() {
        let inner = indentation(line);
        let body = &line[inner..];
        if body.is_empty() || body.starts_with('#') || inner >= depth {
            continue;
        }
        if let Some((key, rest)) = key_of(body)
            && (rest.trim().is_empty() || rest.trim_start().starts_with(['#', '&', '|', '>']))
        {
            path.push(key);
        }
        depth = inner;
        if depth == 0 {
            break;
        }
    }
    path.reverse();
    path
}

/// The key that a text begins with, and what follows its colon.
fn key_of(text: &str) -> Option<(String, &str)> {
    let (key, rest) = match text.chars().next()? {
        quote @ ('"' | '\'') => {
            let (key, rest) = text[1..].split_once(quote)?;
            (key, rest.trim_start().strip_prefix(':')?)
        }
        _ => text.split_once(':')?,
    };
    let ends = rest.is_empty() || rest.starts_with([' ', '\t']);
    (ends && !key.contains([' ', '{', '[', '#'])).then(|| (key.trim().to_owned(), rest))
}

/// Follows a line up to the cursor, into the braces on it.
fn within(body: &str, offset: usize, path: &mut Vec<String>, cursor: &mut Cursor) {
    let (mut start, mut open): (usize, Vec<bool>) = (0, Vec::new());
    let mut position = 0;
    while position < body.len() {
        let rest = &body[position..];
        let letter = rest.chars().next().unwrap_or_default();
        if position >= offset && matches!(letter, ',' | '}' | ']') {
            break;
        }
        let piece = body[start..].trim_start();
        let lead = body.len() - start - piece.len();
        match letter {
            '#' if position == 0 || body[..position].ends_with(' ') => break,
            ':' if rest[1..].is_empty() || rest[1..].starts_with(' ') => {
                let key = body[start + lead..position].trim().trim_matches(['"', '\'']).to_owned();
                if (start..=position).contains(&offset) {
                    cursor.key = Some(key);
                    cursor.at_key = true;
                    return;
                }
                path.push(key);
                cursor.at_key = false;
                start = position + 1;
            }
            '{' | '[' if piece.is_empty() || piece.starts_with(letter) => {
                open.push(letter == '{');
                cursor.at_key = letter == '{';
                start = position + 1;
            }
            ',' if open.last() == Some(&true) && position < offset => {
                path.pop();
                cursor.at_key = true;
                start = position + 1;
            }
            '}' | ']' if position < offset && !open.is_empty() => {
                let was_map = open.pop() == Some(true);
                // The last entry of a map that is closed before the cursor.
                if was_map && !cursor.at_key {
                    path.pop();
                }
                cursor.at_key = false;
                start = position + 1;
            }
            _ => {}
        }
        position += letter.len_utf8().max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cursor at the `|` of a text.
    fn cursor(text: &str) -> (String, Option<String>, bool) {
        let offset = text.find('|').unwrap();
        let before = &text[..offset];
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap().chars().count();
        let found = at(&text.replace('|', ""), line, column);
        (found.path.join("."), found.key, found.at_key)
    }

    #[test]
    fn keys_above_and_around() {
        let some = |key: &str| Some(key.to_owned());
        for (text, path, key, at_key) in [
            ("na|me: web\n", "", some("name"), true),
            ("name: w|eb\n", "name", None, false),
            ("storage:\n  data:\n    mo|unt: /d\n", "storage.data", some("mount"), true),
            ("storage:\n  data:\n    |\n", "storage.data", None, true),
            ("storage:\n  data:\n  |\n", "storage", None, true),
            ("storage:\n  data: {mount: /d, si|ze: 1Gi}\n", "storage.data", some("size"), true),
            ("storage:\n  data: {mount: /d, |}\n", "storage.data", None, true),
            ("storage:\n  data: {mount: /d, size: |}\n", "storage.data.size", None, false),
            ("containers:\n  proxy:\n    ports:\n    - po|rt: 80\n", "containers.proxy.ports", some("port"), true),
            (
                "# a comment: x\nservices:\n  # and: one\n  public:\n    ty|pe: NodePort\n",
                "services.public",
                some("type"),
                true,
            ),
            ("probes: {ready: {http: /, po|rt: http}, live: {}}\n", "probes.ready", some("port"), true),
            ("probes: {ready: {http: /}, li|ve: {}}\n", "probes", some("live"), true),
            ("a:\n  b: 1\nc|: 2\n", "", some("c"), true),
            ("|", "", None, true),
        ] {
            assert_eq!(cursor(text), (path.to_owned(), key, at_key), "{text}");
        }
    }
}
