//! What an object is called among those of its kind: a namespace and a name. Knows no kind, and no manifest.

use crate::value::Text;
use std::fmt;

/// The namespace and the name of an object; the namespace is empty for kinds that live in none. Copies and comparisons
/// are cheap: short names live in place, long ones are shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectName {
    /// Its namespace.
    pub namespace: Text,
    /// Its name there.
    pub name: Text,
}

impl ObjectName {
    /// An object of that namespace and name.
    pub fn new(namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Another object of the same namespace.
    #[must_use]
    pub fn sibling(&self, name: impl Into<Text>) -> Self {
        Self { namespace: self.namespace.clone(), name: name.into() }
    }

    /// As it is shown where one namespace goes without saying.
    #[must_use]
    pub const fn seen_from<'n>(&'n self, home: &'n str) -> Seen<'n> {
        Seen { name: self, home }
    }
}

/// A name as it is shown in one namespace: `web-0` there, `shop/web-0` for an object of another.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'n> {
    name: &'n ObjectName,
    home: &'n str,
}

impl fmt::Display for Seen<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ObjectName { namespace, name } = self.name;
        if namespace.is_empty() || namespace == self.home {
            out.write_str(name)
        } else {
            write!(out, "{namespace}/{name}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_other_namespaces_are_shown() {
        let pod = ObjectName::new("shop", "web-0");
        assert_eq!(pod.seen_from("shop").to_string(), "web-0");
        assert_eq!(pod.seen_from("default").to_string(), "shop/web-0");
        assert_eq!(ObjectName::new("", "disk-0").seen_from("default").to_string(), "disk-0");
        assert_eq!(pod.sibling("web-1"), ObjectName::new("shop", "web-1"));
    }
}
