//! References to container images, as a kubelet reads them (github.com/distribution/reference, ParseNormalizedNamed).
//! Knows text only.

/// Bytes that a repository's name may have.
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

/// Why no kubelet can read a reference: its pod would stay in `InvalidImageName`. `None` for one that it can.
#[must_use]
pub(crate) fn image_fault(image: &str) -> Option<String> {
    if image.len() == 64 && image.bytes().all(is_hex) {
        return Some("64 hexadecimal digits are the id of an image, not its name".into());
    }
    let (host, rest) = split_host(image);
    // What is no host may still be the first part of the repository.
    if let Some(host) = host.filter(|host| !is_host(host) && !is_component(host)) {
        return Some(format!("`{host}` is no registry's host"));
    }
    let (named, digest) = rest.split_once('@').map_or((rest, None), |(named, digest)| (named, Some(digest)));
    let (repository, tag) = named.split_once(':').map_or((named, None), |(repository, tag)| (repository, Some(tag)));
    if let Some(fault) = repository_fault(repository) {
        return Some(fault);
    }
    // A name alone is an official image of Docker Hub.
    let before = if host.is_none() && !repository.contains('/') { "library/".len() } else { 0 };
    if before + repository.len() > LONGEST_NAME {
        return Some(format!("its name has more than {LONGEST_NAME} bytes"));
    }
    tag.and_then(tag_fault).or_else(|| digest.and_then(digest_fault))
}

/// The registry that a reference names only because its first part has capitals, which no repository has: `Shop/web`.
#[must_use]
pub(crate) fn unmeant_host(image: &str) -> Option<&str> {
    let host = split_host(image).0?;
    (!host.contains(['.', ':']) && host != "localhost").then_some(host)
}

/// The registry's host, if the reference names one, and what follows.
fn split_host(image: &str) -> (Option<&str>, &str) {
    match image.split_once('/') {
        Some((host, rest))
            if host == "localhost"
                || host.contains(['.', ':'])
                || host.contains(|letter: char| letter.is_uppercase()) =>
        {
            (Some(host), rest)
        }
        _ => (None, image),
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let is_address = !address.is_empty() && address.bytes().all(|byte| is_hex(byte) || byte == b':');
            return is_address && (port.is_empty() || port.strip_prefix(':').is_some_and(is_number));
        }
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.split('.').all(is_label) && port.is_none_or(is_number)
}

fn repository_fault(repository: &str) -> Option<String> {
    if repository.is_empty() {
        return Some("it names no repository".into());
    }
    if let Some(letter) = repository.chars().find(|letter| letter.is_uppercase()) {
        return Some(format!("a repository's name has no capitals, and `{repository}` has `{letter}`"));
    }
    repository.split('/').find(|part| !is_component(part)).map(|part| {
        if part.is_empty() {
            "two slashes follow each other, or one ends it".into()
        } else if part.contains(char::is_whitespace) {
            format!("there is white space in `{part}`")
        } else {
            format!(
                "`{part}` is no part of a repository's name: letters and digits, with `.`, `_`, `__` or `-` \
                between them"
            )
        }
    })
}

/// Runs of letters and digits, with one separator between two: `.`, `_`, `__`, or any number of `-`.
fn is_component(part: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (first, last) = (part.bytes().next(), part.bytes().next_back());
    first.is_some_and(is_word)
        && last.is_some_and(is_word)
        && part
            .split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit())
            .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

fn tag_fault(tag: &str) -> Option<String> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_tag = tag.len() <= LONGEST_TAG
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
    (!is_tag).then(|| {
        if tag.is_empty() {
            "nothing follows its colon".into()
        } else {
            format!("`{tag}` is no tag: letters, digits, `_`, `.` and `-`, at most {LONGEST_TAG}")
        }
    })
}

fn digest_fault(digest: &str) -> Option<String> {
    let (algorithm, hash) = digest.split_once(':').unwrap_or((digest, ""));
    let wanted = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Some(format!("`{digest}` is no digest: `sha256:` and 64 hexadecimal digits")),
    };
    let is_hash = hash.len() == wanted && hash.bytes().all(|byte| is_hex(byte) && !byte.is_ascii_uppercase());
    (!is_hash).then(|| format!("`{digest}` is no digest: `{algorithm}:` and {wanted} hexadecimal digits"))
}

const fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_a_kubelet_reads() {
        let hash = "0123456789abcdef".repeat(4);
        let digest = format!("web@sha256:{hash}");
        for image in [
            "web",
            "web:1.0",
            "acme/web:1_x.Y-z",
            "localhost/web",
            "localhost:5000/a/b:c",
            "example.com:443/a.b/c__d/e--f_g:1",
            "[::1]:5000/web",
            "Shop/web",
            "a-b.c/d",
            &digest,
            &format!("web:1@sha256:{hash}"),
        ] {
            assert_eq!(image_fault(image), None, "{image}");
        }
    }

    #[test]
    fn references_that_none_can_read() {
        let hash = "0123456789abcdef".repeat(4);
        for image in [
            "",
            " web",
            "web ",
            "a b",
            "example.com/shop :1.4",
            "acme/Web:1",
            "Web",
            "example.com/a//b",
            "example.com/",
            "/web",
            "web:",
            "web:-a",
            "web:a b",
            "web:a/b",
            "https://example.com/web",
            "web@sha256:abc",
            "web@md5:d41d8cd98f00b204e9800998ecf8427e",
            "-web",
            "web-",
            "a._b",
            "a___b",
            "exa$mple.com/web",
            "example.com:/web",
            "-a.com/web",
            "[::1/web",
            &hash,
            &format!("web@sha256:{}", hash.to_uppercase()),
            &format!("web:{}", "a".repeat(129)),
            &"a".repeat(256),
        ] {
            assert!(image_fault(image).is_some(), "{image}");
        }
    }
}
