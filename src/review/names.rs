//! A few names of many: what is told of a large set is its first members, and how many there are.

/// No more names than this are kept.
const KEPT: usize = 6;

/// The first of some names, the last, and how many there are of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The first of them.
    pub first: Vec<String>,
    /// The last of them.
    pub last: String,
    /// How many there are.
    pub all: usize,
}

impl<S: ToString> FromIterator<S> for Names {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        let mut list = Self::default();
        let mut last = None;
        for name in names {
            if list.all < KEPT {
                list.first.push(name.to_string());
            }
            list.all += 1;
            last = Some(name);
        }
        list.last = last.map(|name| name.to_string()).unwrap_or_default();
        list
    }
}

impl Names {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.all == 0
    }
}
