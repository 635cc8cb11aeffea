//! A set of names seen so far: no allocation while they are few, no slow search when they are many.
//!
//! Follows `staging/src/k8s.io/apimachinery/pkg/api/validation/generic.go: NameIsDNSSubdomain, NameIsDNSLabel`.

use std::collections::BTreeSet;

/// Up to so many names a scan is quickest.
const FEW: usize = 16;

/// Names borrowed from one object.
#[derive(Debug, Default)]
pub(crate) struct Names<'n> {
    few: [&'n str; FEW],
    count: usize,
    many: BTreeSet<&'n str>,
}

impl<'n> Names<'n> {
    /// Whether a name was seen.
    #[must_use]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.few[..self.count].contains(&name) || (self.count == FEW && self.many.contains(name))
    }

    /// Adds a name; `false` if it was there already.
    pub(crate) fn add(&mut self, name: &'n str) -> bool {
        if self.has(name) {
            return false;
        }
        if self.count < FEW {
            self.few[self.count] = name;
            self.count += 1;
        } else {
            self.many.insert(name);
        }
        true
    }
}

impl<'n> FromIterator<&'n str> for Names<'n> {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        let mut set = Self::default();
        for name in names {
            set.add(name);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many() {
        let texts: Vec<String> = (0..40).map(|number| format!("n{number}")).collect();
        let mut names = Names::default();
        assert!(texts.iter().all(|text| names.add(text)));
        assert!(!texts.iter().any(|text| names.add(text)));
        assert!(!names.has("n40"));
    }
}
