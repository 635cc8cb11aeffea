//! The Kubernetes versions whose rules are known.

use std::fmt;
use std::str::FromStr;

/// A minor version of Kubernetes 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u8);

impl Version {
    /// The oldest whose rules are known.
    pub const OLDEST: Self = Self(29);
    /// The newest: the default.
    pub const NEWEST: Self = Self(37);

    /// 1.`minor`, for comparisons in the rules.
    #[must_use]
    pub const fn minor(minor: u8) -> Self {
        Self(minor)
    }

    /// All known versions, oldest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (Self::OLDEST.0..=Self::NEWEST.0).map(Self)
    }

    /// Its place among [`Version::all`].
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0 - Self::OLDEST.0) as usize
    }
}

impl Default for Version {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "1.{}", self.0)
    }
}

/// Why a text names no version whose rules are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoVersion {
    /// It is a version, older or newer than those.
    Unknown(String),
    /// It is none.
    Unreadable(String),
}

impl fmt::Display for NoVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => {
                write!(
                    out,
                    "the rules of Kubernetes {} to {} are known, not those of {text}",
                    Version::OLDEST,
                    Version::NEWEST
                )
            }
            Self::Unreadable(text) => {
                write!(out, "`{text}` is no Kubernetes version; write it like {}", Version::NEWEST)
            }
        }
    }
}

impl From<NoVersion> for String {
    fn from(error: NoVersion) -> Self {
        error.to_string()
    }
}

impl FromStr for Version {
    type Err = NoVersion;

    /// Takes `1.33`, `v1.33.4`, `1.33+`, `v1.33.4-gke.100`: all that clusters call themselves.
    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let numbers = text.trim().strip_prefix('v').unwrap_or(text.trim());
        let mut parts = numbers.split('.');
        let major = parts.next().unwrap_or_default();
        let minor: String = parts.next().unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
        match (major, minor.parse::<u8>()) {
            ("1", Ok(minor)) if (Self::OLDEST.0..=Self::NEWEST.0).contains(&minor) => Ok(Self(minor)),
            ("1", Ok(_)) => Err(NoVersion::Unknown(text.to_owned())),
            _ => Err(NoVersion::Unreadable(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_clusters_say_them() {
        for text in ["1.33", "v1.33.4", "1.33+", "v1.33.4-gke.100", " 1.33.0 "] {
            assert_eq!(text.parse(), Ok(Version::minor(33)), "{text}");
        }
        assert!("1.20".parse::<Version>().is_err_and(|error| error.to_string().contains("1.29 to 1.37")));
        assert!("latest".parse::<Version>().is_err());
        assert_eq!(Version::all().count(), Version::NEWEST.index() + 1);
    }
}
