//! Semantic versions as `blang/semver` reads and orders them.

use std::cmp::Ordering;

/// A version by semver.org, 2.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Semver {
    /// The first number.
    pub major: u64,
    /// The second.
    pub minor: u64,
    /// The third.
    pub patch: u64,
    before: Vec<String>,
}

impl Semver {
    /// Reads a version.
    ///
    /// # Errors
    /// When it is none: why.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("Version string empty".to_owned());
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("No Major.Minor.Patch elements found".to_owned());
        };
        let number = |what: &str, digits: &str| {
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(format!("Invalid character(s) found in {what} number \"{digits}\""));
            }
            if digits.len() > 1 && digits.starts_with('0') {
                return Err(format!("{what} number must not contain leading zeroes \"{digits}\""));
            }
            digits.parse::<u64>().map_err(|_| format!("{what} number is too large"))
        };
        let (rest, build) = match rest.split_once('+') {
            Some((rest, build)) => (rest, Some(build)),
            None => (rest, None),
        };
        let (patch, before) = match rest.split_once('-') {
            Some((patch, before)) => (patch, Some(before)),
            None => (rest, None),
        };
        let version = Self {
            major: number("Major", major)?,
            minor: number("Minor", minor)?,
            patch: number("Patch", patch)?,
            before: before.map(|before| before.split('.').map(str::to_owned).collect()).unwrap_or_default(),
        };
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        if version
            .before
            .iter()
            .any(|word| !is_word(word) || (word.len() > 1 && word.starts_with('0') && is_number(word)))
        {
            return Err("Invalid character(s) found in prerelease".to_owned());
        }
        if build.is_some_and(|build| !build.split('.').all(is_word)) {
            return Err("Invalid character(s) found in build meta data".to_owned());
        }
        Ok(version)
    }

    /// Reads a version that may begin with a `v`, have zeros before its numbers, and lack the last ones.
    ///
    /// # Errors
    /// When it is none: why.
    pub fn read_loosely(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts: Vec<String> = text.splitn(3, '.').map(str::to_owned).collect();
        for part in &mut parts {
            if part.len() > 1 {
                let trimmed = part.trim_start_matches('0');
                *part = if trimmed.starts_with(|letter: char| letter.is_ascii_digit()) {
                    trimmed.to_owned()
                } else {
                    format!("0{trimmed}")
                };
            }
        }
        if parts.len() < 3 {
            if parts.last().is_some_and(|last| last.contains(['+', '-'])) {
                return Err("short version cannot contain PreRelease/Build meta data".to_owned());
            }
            parts.resize(3, "0".to_owned());
        }
        Self::read(&parts.join("."))
    }
}

impl PartialOrd for Semver {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Semver {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| match (self.before.is_empty(), other.before.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => words(&self.before, &other.before),
        })
    }
}

/// Numbers stand before words, fewer words before more.
fn words(one: &[String], other: &[String]) -> Ordering {
    for (a, b) in one.iter().zip(other) {
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
    one.len().cmp(&other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        let rising =
            ["0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-2a", "1.0.0", "1.0.1", "1.10.0"];
        let read: Vec<Semver> = rising.iter().map(|text| Semver::read(text).unwrap()).collect();
        assert!(read[0] < read[1] && read[1] < read[2] && read[2] < read[3] && read[5] < read[6] && read[6] < read[7]);
        for text in ["", "1", "1.2", "v1.2.3", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "1.2.a"] {
            assert!(Semver::read(text).is_err(), "{text}");
        }
        assert_eq!(Semver::read_loosely("v01.2"), Semver::read("1.2.0"));
        assert!(Semver::read_loosely("1-a").is_err());
    }
}
