//! Secrets that are known by their looks, whatever they are called: private keys, tokens of well-known services,
//! passwords in addresses.
//! Knows text, no manifest.

use std::ops::Range;

/// How the tokens of well-known services begin, and how many letters more make one.
pub const TOKENS: &[(&str, usize)] = &[
    ("ghp_", 10),
    ("gho_", 10),
    ("ghu_", 10),
    ("ghs_", 10),
    ("ghr_", 10),
    ("github_pat_", 10),
    ("glpat-", 10),
    ("gldt-", 10),
    ("glrt-", 10),
    ("glcbt-", 10),
    ("glptt-", 10),
    ("glsoat-", 10),
    ("AKIA", 12),
    ("ASIA", 12),
    ("xoxa-", 8),
    ("xoxb-", 8),
    ("xoxe-", 8),
    ("xoxp-", 8),
    ("xoxr-", 8),
    ("xoxs-", 8),
    ("xapp-", 8),
    ("sk_live_", 8),
    ("sk_test_", 8),
    ("rk_live_", 8),
    ("rk_test_", 8),
    ("whsec_", 8),
    ("AIza", 20),
    ("GOCSPX-", 10),
    ("ya29.", 10),
    ("npm_", 16),
    ("pypi-", 16),
    ("dckr_pat_", 8),
    ("dop_v1_", 16),
    ("hvs.", 10),
    ("hvb.", 10),
    ("SG.", 16),
    ("sk-ant-", 10),
    ("sk-proj-", 10),
    ("sk-", 24),
    ("hf_", 20),
    ("shpat_", 16),
    ("shpss_", 16),
    ("sq0atp-", 10),
    ("sq0csp-", 10),
    ("glsa_", 10),
    ("sntrys_", 10),
    ("rubygems_", 16),
    ("ATATT3", 16),
    ("ATCTT3", 16),
    ("PMAK-", 16),
    ("NRAK-", 16),
    ("dapi", 32),
    ("dp.pt.", 10),
    ("lin_api_", 16),
    ("AGE-SECRET-KEY-1", 16),
    ("hooks.slack.com/services/", 8),
    ("discord.com/api/webhooks/", 8),
    ("discordapp.com/api/webhooks/", 8),
    // A private key, once more in base 64.
    ("LS0tLS1CRUdJTiBQUklWQVRF", 8),
    ("LS0tLS1CRUdJTiBSU0EgUFJJV", 8),
    ("LS0tLS1CRUdJTiBFQyBQUklWQVRF", 8),
    ("LS0tLS1CRUdJTiBFQyBQQVJBTUVURVJT", 8),
    ("LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUg", 8),
    ("LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBLRVk", 8),
    ("LS0tLS1CRUdJTiBEU0EgUFJJVkFURSBLRVk", 8),
    ("LS0tLS1CRUdJTiBQR1AgUFJJVkFURSBLRVk", 8),
];

/// The stretches of a text that look like secrets.
pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    private_keys(text, found);
    tokens(text, found);
    addresses(text, found);
    hashes(text, found);
    headers(text, found);
}

/// All of a PEM block, or what is there of it.
fn private_keys(text: &str, found: &mut Vec<Range<usize>>) {
    const BEGIN: &str = "-----BEGIN ";
    const END: &str = "-----END ";
    let mut from = if text.len() < BEGIN.len() { text.len() } else { 0 };
    while let Some(start) = text[from..].find(BEGIN).map(|offset| from + offset) {
        let label = &text[start + BEGIN.len()..];
        let label = label.split("-----").next().unwrap_or_default();
        from = start + BEGIN.len();
        if !label.contains("PRIVATE KEY") || label.len() > 64 {
            continue;
        }
        let end = text[from..].find(END).map_or(text.len(), |offset| {
            let after = from + offset + END.len();
            text[after..].find("-----").map_or(text.len(), |dashes| after + dashes + 5)
        });
        found.push(start..end);
        from = end;
    }
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'+' | b'=' | b'~')
}

fn tokens(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !is_token(bytes[at]) {
            at += 1;
            continue;
        }
        let end = at + bytes[at..].iter().position(|byte| !is_token(*byte)).unwrap_or(bytes.len() - at);
        token(text, at..end, found);
        at = end;
    }
}

/// A stretch of letters that tokens are made of.
fn token(text: &str, run: Range<usize>, found: &mut Vec<Range<usize>>) {
    const SHORTEST: usize = 12;
    if run.len() < SHORTEST {
        return;
    }
    let piece = &text[run.clone()];
    let bytes = piece.as_bytes();
    // Only what begins a word is looked at: the words are few, and the beginnings of tokens many.
    for position in (0..bytes.len()).filter(|position| *position == 0 || !bytes[position - 1].is_ascii_alphanumeric()) {
        let rest = &bytes[position..];
        let known = TOKENS
            .iter()
            .find(|(prefix, least)| rest.starts_with(prefix.as_bytes()) && rest.len() - prefix.len() >= *least);
        if let Some((prefix, _)) = known {
            let keep = if prefix.contains('/') { prefix.len() } else { 0 };
            found.push(run.start + position + keep..run.end);
            return;
        }
        // A JSON Web Token: `{"` in base 64, and a point in it.
        if rest.starts_with(b"eyJ") && rest.contains(&b'.') && rest.len() > 20 {
            found.push(run.start + position..run.end);
            return;
        }
    }
    // AWS' secret keys have 40 letters of all kinds, and no name.
    for part in piece.split(['.', '-', '_', '~', '=']) {
        if part.len() == 40 && is_mixed(part) && part.bytes().filter(|byte| *byte == b'/').count() < 4 {
            let start = run.start + (part.as_ptr() as usize - piece.as_ptr() as usize);
            found.push(start..start + part.len());
        }
    }
}

fn is_mixed(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().filter(|byte| kind(byte)).count() >= 3;
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
}

/// Passwords in addresses: `scheme://user:password@host`, and what drivers make of that.
fn addresses(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    let mut left = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == b'@').map(|offset| from + offset) {
        from = at + 1;
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`');
        // A stretch is walked through once, however many `@` it has.
        let start = at - bytes[left..at].iter().rev().position(is_end).unwrap_or(at - left);
        left = at;
        let whole = &text[floor(text, start)..at];
        let base = at - whole.len();
        if let Some(scheme) = whole.find("://") {
            let info = base + scheme + 3;
            userinfo(text, info..at, found);
        } else if !text[at..].starts_with("@sha256:") && !text[at..].starts_with("@sha512:") {
            let begin = whole.rfind(['=', ',', '(', '[', '{']).map_or(0, |position| position + 1);
            if let Some(colon) = whole[begin..].find(':').map(|position| begin + position)
                && colon > begin
                && colon + 1 < whole.len()
                && !whole[begin..colon].contains('/')
                && text[at + 1..].starts_with(|letter: char| {
                    letter.is_alphanumeric() || matches!(letter, '(' | '/' | '$' | '{' | '[')
                })
            {
                found.push(base + colon + 1..at);
            }
        } else {
            continue;
        }
        // Passwords hold `@` too.
        if let Some(last) = found.last_mut().filter(|last| last.end == at) {
            let host = bytes[at + 1..]
                .iter()
                .position(|byte| is_end(byte) || matches!(byte, b'/' | b'?' | b',' | b')'))
                .unwrap_or(bytes.len() - at - 1);
            if let Some(more) = bytes[at + 1..at + 1 + host].iter().rposition(|byte| *byte == b'@') {
                last.end = at + 1 + more;
                from = at + 2 + more;
                left = from;
            }
        }
    }
}

/// What stands before the `@` of an address: the password in it, or all of it where it is a token.
fn userinfo(text: &str, info: Range<usize>, found: &mut Vec<Range<usize>>) {
    let whole = &text[info.clone()];
    match whole.find(':') {
        // A path that holds an `@` is no password: `https://host:8080/@scope`.
        Some(colon) if is_path(&whole[colon + 1..]) => {}
        Some(colon) => found.push(info.start + colon + 1..info.end),
        None if whole.contains('/') => {}
        None => {
            let is_long = whole.len() >= 16;
            let is_odd = whole.len() >= 8
                && whole.bytes().any(|byte| byte.is_ascii_digit())
                && whole.bytes().any(|byte| byte.is_ascii_alphabetic());
            if is_long || is_odd {
                found.push(info);
            }
        }
    }
}

fn is_path(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.as_bytes().get(digits) == Some(&b'/') && digits > 0
}

/// Hashed passwords, as htpasswd and shadow files hold them.
fn hashes(text: &str, found: &mut Vec<Range<usize>>) {
    if !text.contains(['$', '{']) {
        return;
    }
    for prefix in ["$2a$", "$2b$", "$2y$", "$apr1$", "$1$", "$5$", "$6$", "$y$", "$argon2", "{SHA}", "{SSHA}"] {
        let mut from = 0;
        while let Some(start) = text[from..].find(prefix).map(|offset| from + offset) {
            let length = text[start..]
                .find(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | ':'))
                .unwrap_or(text.len() - start);
            if length >= prefix.len() + 12 {
                found.push(start..start + length);
            }
            from = start + length.max(prefix.len());
        }
    }
}

/// `Bearer …` and `Basic …`.
fn headers(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    for (scheme, least) in [(&b"bearer"[..], 6), (b"basic", 8)] {
        let mut at = 0;
        while let Some(first) =
            bytes[at..].iter().position(|byte| byte.eq_ignore_ascii_case(&scheme[0])).map(|offset| at + offset)
        {
            at = first + 1;
            let behind = first + scheme.len();
            if bytes.len() <= behind
                || !bytes[first..behind].eq_ignore_ascii_case(scheme)
                || first > 0 && bytes[first - 1].is_ascii_alphanumeric()
            {
                continue;
            }
            let gap = bytes[behind..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let start = behind + gap;
            let length = bytes[start..]
                .iter()
                .take_while(|byte| is_token(**byte) || matches!(byte, b':' | b'$' | b'!' | b'#' | b'%' | b'&' | b'*'))
                .count();
            let value = &bytes[start..start + length];
            let is_word =
                value.iter().all(u8::is_ascii_lowercase) || value.starts_with(b"$(") || value.starts_with(b"${");
            if gap > 0 && length >= least && !is_word {
                found.push(start..start + length);
            }
            at = start + length.max(1);
            if at >= bytes.len() {
                break;
            }
        }
    }
}

pub(super) fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
