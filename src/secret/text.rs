//! Secrets within a longer text: a command line, a configuration file, a connection string, a script. Knows text, no
//! manifest.

use super::{name, shape};
use std::ops::Range;

/// What comes right after the names that a text gives values to.
const QUOTES: [u8; 3] = [b'"', b'\'', b'`'];

/// The stretches of a text that are secret, in order, apart from each other.
#[must_use]
pub(crate) fn stretches(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if text.len() > 3 {
        shape::find(text, &mut found);
        assignments(text, &mut found);
        if text.contains([' ', '\t', '\n', '-']) {
            let words = words(text);
            flags(&words.iter().map(|(word, _)| *word).collect::<Vec<_>>(), |index, range| {
                let start = words[index].1;
                found.push(start + range.start..start + range.end);
            });
            statements(text, &mut found);
        }
    }
    tidy(text, &mut found);
    found
}

/// In order, apart, and at the borders of letters.
pub(crate) fn tidy(text: &str, found: &mut Vec<Range<usize>>) {
    for range in found.iter_mut() {
        range.start = shape::floor(text, range.start.min(text.len()));
        range.end = range.end.min(text.len());
        while !text.is_char_boundary(range.end) {
            range.end += 1;
        }
    }
    found.retain(|range| range.start < range.end);
    found.sort_by_key(|range| (range.start, range.end));
    found.dedup_by(|next, before| {
        let touches = next.start <= before.end || text.get(before.end..next.start) == Some(" ");
        if touches {
            before.end = before.end.max(next.end);
        }
        touches
    });
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80
}

/// `name=value`, `name: value`, `"name": "value"`, `<name>value`: where the name says that it is secret.
fn assignments(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !is_name(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && is_name(bytes[at]) {
            at += 1;
        }
        let name = text[shape::floor(text, start)..at].trim_matches(['-', '.']);
        let Some(value) = behind_sign(bytes, at) else { continue };
        if !name::is_secret(name) {
            continue;
        }
        let is_tag = bytes.get(at) == Some(&b'>');
        if is_tag && (start == 0 || bytes[start - 1] != b'<') {
            continue;
        }
        let range = if is_tag {
            let length = bytes[value..].iter().position(|byte| *byte == b'<').unwrap_or(bytes.len() - value);
            value..value + length
        } else {
            let sign = bytes[value - 1];
            value_of(text, line_start(bytes, start, sign), value, sign)
        };
        if !is_reference(&text[range.clone()]) {
            found.push(range.clone());
        }
        at = at.max(range.end.min(bytes.len()));
    }
}

/// Where the value may begin, if a sign follows that gives one.
fn behind_sign(bytes: &[u8], mut at: usize) -> Option<usize> {
    let get = |at: usize| bytes.get(at).copied().unwrap_or_default();
    if get(at) == b'>' {
        return Some(at + 1);
    }
    while get(at) == b'\\' || QUOTES.contains(&get(at)) || get(at) == b']' {
        at += 1;
    }
    while matches!(get(at), b' ' | b'\t') {
        at += 1;
    }
    match (get(at), get(at + 1), get(at + 2)) {
        (b':' | b'?' | b'+', b'=', _) | (b'=', b'=' | b'>', _) => Some(at + 2),
        (b':', b'/', b'/') | (b':', b':', _) => None,
        (b'=' | b':', ..) => Some(at + 1),
        _ => None,
    }
}

/// Where the line begins on which a name is the first thing said, with how far it is indented.
fn line_start(bytes: &[u8], start: usize, sign: u8) -> Option<usize> {
    let begin = bytes[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'-' | b'"' | b'\'');
    let is_first = bytes[begin..start].iter().all(blank) && !bytes[begin..start].ends_with(b"-");
    (is_first && (sign == b':' || bytes[begin..start].iter().all(|byte| matches!(byte, b' ' | b'\t'))))
        .then_some(start - begin)
}

/// The value that begins there, quoted or not. `indent` is that of the name, where it is the first of its line.
fn value_of(text: &str, indent: Option<usize>, from: usize, sign: u8) -> Range<usize> {
    let bytes = text.as_bytes();
    let mut start = from + bytes[from..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\\')).count();
    if bytes.get(start).is_some_and(|byte| QUOTES.contains(byte)) {
        let quote = bytes[start];
        start += 1;
        let mut end = start;
        while end < bytes.len()
            && (bytes[end] != quote || bytes[end - 1] == b'\\' && end > start && !is_closing(bytes, end))
        {
            end += 1;
        }
        return start..end;
    }
    let line = bytes[start..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| start + length);
    let rest = text[shape::floor(text, start)..line].trim();
    let is_block = rest.is_empty() || rest.starts_with(['|', '>']) && rest.len() < 4;
    if is_block && sign == b':' {
        return deeper(text, line, indent.unwrap_or(0));
    }
    if indent.is_some() && !rest.starts_with(['{', '[']) && (sign == b':' || bytes.get(from) == Some(&b' ')) {
        return start..line;
    }
    let stops = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b';');
    let length = bytes[start..line].iter().position(stops).unwrap_or(line - start);
    start..start + length
}

/// Whether a quote behind a backslash closes all the same: `\"` inside of a text that is itself quoted.
fn is_closing(bytes: &[u8], quote: usize) -> bool {
    bytes.get(quote + 1).is_none_or(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b')' | b';'))
}

/// The lines below that are indented further, up to the next that gives a name a value.
fn deeper(text: &str, line: usize, indent: usize) -> Range<usize> {
    let mut end = line;
    let begin = (line + 1).min(text.len());
    for piece in text[begin..].split_inclusive('\n') {
        let blanks = piece.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let said = piece.trim();
        if !said.is_empty() && (blanks <= indent || said.contains(": ") || said.ends_with(':')) {
            break;
        }
        end = if end == line { begin } else { end } + piece.len();
    }
    begin.min(end)..end
}

/// What only refers to a secret, or cannot be one.
#[must_use]
pub(super) fn is_reference(text: &str) -> bool {
    let text = text.trim().trim_matches(['"', '\'']);
    let inside = |open: &str, close: char| {
        text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(|name| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
        })
    };
    let is_variable = text
        .strip_prefix('$')
        .is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'));
    let is_expression = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).is_some_and(|inner| {
        inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'.' | b'_' | b'|'))
    });
    text.is_empty()
        || inside("$(", ')')
        || inside("${", '}')
        || is_variable
        || is_expression
        || ["true", "false", "yes", "no", "on", "off", "null", "none", "~", "{}", "[]", "{", "["]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
}

/// The words of a command line, without the quotes and signs around them, and where each begins.
fn words(text: &str) -> Vec<(&str, usize)> {
    let around =
        |letter: char| matches!(letter, '"' | '\'' | '`' | ',' | '[' | ']' | '(' | ')' | ';' | '{' | '}' | '\\');
    let mut list = Vec::new();
    for word in text.split(char::is_whitespace).filter(|word| !word.is_empty()) {
        // What stands before a quoted flag is no part of it.
        let word = word.find("\"-").map_or(word, |quote| &word[quote..]);
        let trimmed = word.trim_start_matches(around);
        let offset = trimmed.as_ptr() as usize - text.as_ptr() as usize;
        let trimmed = trimmed.trim_end_matches(|letter| around(letter) && letter != ')' && letter != '}');
        if !trimmed.is_empty() && trimmed != "-" {
            list.push((trimmed, offset));
        }
    }
    list
}

/// Programs that take a password behind a short flag: the flag, and whether it stands in the same word.
pub const TOOLS: &[(&str, &str)] = &[
    ("mysql", "-p"),
    ("mysqldump", "-p"),
    ("mysqladmin", "-p"),
    ("mysqlsh", "-p"),
    ("mysqlcheck", "-p"),
    ("mariadb", "-p"),
    ("mariadb-dump", "-p"),
    ("mariadb-admin", "-p"),
    ("mongo", "-p"),
    ("mongosh", "-p"),
    ("mongodump", "-p"),
    ("mongorestore", "-p"),
    ("sshpass", "-p"),
    ("docker", "-p"),
    ("redis-cli", "-a"),
    ("sqlcmd", "-P"),
    ("bcp", "-P"),
    ("ldapsearch", "-w"),
    ("ldapadd", "-w"),
    ("ldapmodify", "-w"),
    ("ldapwhoami", "-w"),
    ("curl", "-u"),
    ("curl", "--user"),
    ("curl", "--proxy-user"),
    ("wget", "--user"),
    ("influx", "-t"),
    ("rabbitmqadmin", "-p"),
    ("cqlsh", "-p"),
    ("ipmitool", "-P"),
    ("smbclient", "-U"),
    ("openssl", "-k"),
    ("openssl", "-passin"),
    ("openssl", "-passout"),
];

/// Secrets behind flags: `--password x`, `-p…` of the programs that are known for it. Says which word, and which
/// stretch of it.
pub(super) fn flags(words: &[&str], mut say: impl FnMut(usize, Range<usize>)) {
    let program = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let mut tools: Vec<&str> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let Some(flag) = word.strip_prefix('-') else {
            let called = program(word);
            tools.extend(TOOLS.iter().filter(|(tool, _)| *tool == called).map(|(_, flag)| *flag));
            continue;
        };
        let next = words.get(index + 1).filter(|next| !next.starts_with('-') && !is_reference(next));
        let flag = flag.trim_start_matches('-');
        if !flag.contains(['=', ':']) && flag.len() > 2 && name::is_secret(flag) {
            if let Some(next) = next {
                say(index + 1, 0..next.len());
            }
            continue;
        }
        let mut told = false;
        for short in tools.iter().copied() {
            if *word == short
                && let Some(next) = next
            {
                // `user:password` is shown up to the password.
                let start = if matches!(short, "-u" | "--user" | "--proxy-user" | "-U") {
                    next.find([':', '%']).map_or(next.len(), |colon| colon + 1)
                } else {
                    0
                };
                say(index + 1, start..next.len());
                told = true;
            } else if short.len() == 2
                && word.len() > 2
                && word.starts_with(short)
                && !word.starts_with("--")
                && !is_reference(&word[2..])
            {
                let start = if short == "-u" { word.find(':').map_or(word.len(), |colon| colon + 1) } else { 2 };
                say(index, start..word.len());
                told = true;
            }
        }
        if !told && let Some(value) = word.strip_prefix("-p").filter(|value| looks_made_up(value)) {
            say(index, word.len() - value.len()..word.len());
        }
    }
}

/// Letters and digits mixed: no port, and no word.
fn looks_made_up(value: &str) -> bool {
    const SHORTEST: usize = 6;
    value.len() >= SHORTEST
        && !value.starts_with(['=', '/', '-'])
        && !value.contains(['=', '/'])
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Words behind which a password follows without any sign: Redis', netrc's and SQL's.
fn statements(text: &str, found: &mut Vec<Range<usize>>) {
    const ONES: [&str; 6] = ["requirepass", "masterauth", "masteruser", "primaryauth", "tls-key-file-pass", "rootpw"];
    let words: Vec<(&str, usize)> = text
        .split(|letter: char| letter.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(|word| (word, word.as_ptr() as usize - text.as_ptr() as usize))
        .collect();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(value), None) = (words.next(), words.next(), words.next())
            && name::is_secret(name)
            && name.bytes().all(is_name)
        {
            let start = value.as_ptr() as usize - text.as_ptr() as usize;
            found.push(start..start + value.len());
        }
    }
    for (index, (word, _)) in words.iter().enumerate() {
        let bare = word.trim_start_matches('-');
        let Some((next, at)) = words.get(index + 1) else { break };
        let before = index.checked_sub(2).map(|before| words[before].0);
        let is_sql =
            (word.eq_ignore_ascii_case("password") || word.eq_ignore_ascii_case("by")) && next.starts_with(['\'', '"']);
        let is_netrc = *word == "password" && before == Some("login") || *word == "pass" && before == Some("user");
        if ONES.contains(&bare) || is_sql || is_netrc {
            let start = at + usize::from(next.starts_with(['\'', '"']));
            let quote = text.as_bytes()[*at];
            let end = if QUOTES.contains(&quote) {
                text[start..].find(char::from(quote)).map_or(text.len(), |length| start + length)
            } else {
                at + next.len()
            };
            found.push(start..end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let (mut out, mut from) = (String::new(), 0);
        for range in stretches(text) {
            out.push_str(&text[from..range.start]);
            out.push('*');
            from = range.end;
        }
        out + &text[from..]
    }

    #[test]
    fn secrets_in_texts() {
        for (text, masked) in [
            ("--password=hunter2", "--password=*"),
            ("run --token hunter2 -v", "run --token * -v"),
            ("mysql -u root -phunter2 db", "mysql -u root -p* db"),
            ("PGPASSWORD=hunter2 psql", "PGPASSWORD=* psql"),
            ("curl -u joe:hunter2 http://x", "curl -u joe:* http://x"),
            ("curl -H 'Authorization: Bearer hunter2x' http://x", "curl -H 'Authorization: *' http://x"),
            ("postgres://u:hunter2@h/db", "postgres://u:*@h/db"),
            ("redis://:hunter2@h:6379", "redis://:*@h:6379"),
            ("root:hunter2@tcp(db:3306)/x", "root:*@tcp(db:3306)/x"),
            ("jdbc:mysql://h/db?user=u&password=hunter2", "jdbc:mysql://h/db?user=u&password=*"),
            ("Server=h;User=u;Password=hunter2;", "Server=h;User=u;Password=*;"),
            ("-Dpassword=hunter2 -Xmx1g", "-Dpassword=* -Xmx1g"),
            ("db.password=hunter2\nplain=x", "db.password=*\nplain=x"),
            ("auth:\n  user: x\n  password: hunter 2 # no\n", "auth:\n  user: x\n  password: *\n"),
            ("password: |\n  one\n  two\nuser: x", "password: |\n*user: x"),
            (r#"{"password":"hunter2","user":"x"}"#, r#"{"password":"*","user":"x"}"#),
            (r#"{\"password\":\"hunter2\",\"user\":\"x\"}"#, r#"{\"password\":\"*","user\":\"x\"}"#),
            ("<password>hunter2</password>", "<password>*</password>"),
            ("token ghp_0123456789abcdef", "token *"),
            ("requirepass hunter2", "requirepass *"),
            ("ALTER USER u WITH PASSWORD 'hunter2';", "ALTER USER u WITH PASSWORD '*';"),
            ("/h?token=hunter2", "/h?token=*"),
            ("https://u:p@ss@git/x", "https://u:*@git/x"),
            (
                "kubectl create secret generic x --from-literal=password=hunter2",
                "kubectl create secret generic x --from-literal=password=*",
            ),
        ] {
            let got = shown(text);
            assert!(!got.contains("hunter2") && !got.contains("ghp_0"), "{text} is shown as {got}");
            if !text.contains('\\') {
                assert_eq!(got, masked, "{text}");
            }
        }
        let key = "x\n-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\ny";
        assert_eq!(shown(key), "x\n*\ny");
    }

    #[test]
    fn ordinary_texts_stay() {
        for text in [
            "docker.io/luksa/kubia-pet:1.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "--config=/etc/x",
            "https://host:8080/@scope/pkg",
            "git@github.com:a/b.git",
            "ssh://git@github.com/a",
            "--token-file /run/token",
            "PASSWORD_FILE=/run/secrets/x",
            "--password=$(DB_PASSWORD)",
            "secretName: tls",
            "the basic authentication of users",
            "-p8080:80",
            "port: 80",
            "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0",
            "kubectl wait --for=condition=Ready pod/x --timeout=10m",
        ] {
            assert_eq!(shown(text), text);
        }
    }
}
