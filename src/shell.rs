//! Command lines: words quoted for a shell, and kubectl. Knows no object.

use std::fmt;

/// A line for a shell. All of it was written by us, or is a name that is quoted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command(String);

impl Command {
    /// A line as it stands: names in it are quoted by `word`.
    #[must_use]
    pub fn line(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The same with options behind it.
    #[must_use]
    pub(crate) fn with(self, options: &str) -> Self {
        if options.is_empty() { self } else { Self(format!("{} {options}", self.0)) }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// How long a command waits for a pod before it gives up.
pub(crate) const POD: &str = "--timeout=10m";

/// A word that a shell takes as it is.
#[must_use]
pub(crate) fn word(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+=,".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Whether kubectl would take a text for an option where it stands alone. Few names may begin like that, but all can be
/// written so.
#[must_use]
pub(crate) fn is_option(text: &str) -> bool {
    text.starts_with('-')
}

/// `kubectl`, for objects of a namespace; of the one that is in use, where none is said.
#[must_use]
pub(crate) fn kubectl(namespace: &str) -> String {
    match namespace {
        "" => "kubectl".to_owned(),
        name if is_option(name) => format!("kubectl --namespace={}", word(name)),
        name => format!("kubectl -n {}", word(name)),
    }
}

/// Waits until a pod is ready that goes and comes back in the meantime.
#[must_use]
pub(crate) fn await_ready(namespace: &str, pod: &str) -> Command {
    let (kubectl, pod) = (kubectl(namespace), word(pod));
    Command(format!("until {kubectl} wait --for=condition=Ready pod/{pod} {POD}; do sleep 1; done"))
}
