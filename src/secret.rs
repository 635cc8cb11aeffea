//! Which names say that what they hold is a credential. Knows names and lines of text, no manifest.

/// Whether a variable's name says that its value is a credential.
#[must_use]
pub fn is_credential(name: &str) -> bool {
    const WORDS: &[&str] = &["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL"];
    let name = name.to_ascii_uppercase().replace('-', "_");
    WORDS.iter().any(|word| name.contains(word)) && !name.ends_with("_FILE") && !name.ends_with("_NAME")
}

/// Whether a line sets such a variable: by itself, or as the `value` whose `name` is on the line before or behind. Only names in capitals
/// count, as variables have them: `secretName` and its like are Kubernetes' own, and hold no secret.
#[must_use]
pub fn sets_credential(before: &str, line: &str, behind: &str) -> bool {
    let is_value = key(line) == "value";
    names(line).any(is_credential) || is_value && [before, behind].iter().any(|line| key(line) == "name" && names(line).any(is_credential))
}

fn key(line: &str) -> &str {
    line.split(':').next().unwrap_or_default().trim_start_matches([' ', '-']).trim_matches(['"', ' '])
}

/// The words of a line that are written as variables are.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')));
    words.filter(|word| word.len() > 3 && !word.contains(|letter: char| letter.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_credentials() {
        for name in ["POSTGRES_PASSWORD", "api-key", "AWS_SECRET_ACCESS_KEY", "githubToken"] {
            assert!(is_credential(name), "{name}");
        }
        for name in ["PASSWORD_FILE", "SECRET_NAME", "KEY", "ETCD_NAME"] {
            assert!(!is_credential(name), "{name}");
        }
    }

    #[test]
    fn lines_that_set_credentials() {
        assert!(sets_credential("", "env: {DB_PASSWORD: hunter2}", ""));
        assert!(sets_credential("- name: API_TOKEN", "  value: hunter2", ""));
        assert!(sets_credential("", "- value: hunter2", "  name: API_TOKEN"));
        assert!(!sets_credential("", "secretName: tls", ""));
        assert!(!sets_credential("- name: API_TOKEN", "  valueFrom: {}", ""));
        assert!(!sets_credential("- name: MODE", "  value: fast", ""));
    }
}
