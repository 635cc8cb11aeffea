//! Which file holds each manifest: what a command must name. Knows no disk.

use crate::bundle::ResourceId;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The file of each new manifest, as the user would type it.
#[derive(Clone, Debug, Default)]
pub struct Files {
    names: BTreeMap<ResourceId, Arc<str>>,
    holds: BTreeMap<Arc<str>, usize>,
}

impl FromIterator<(ResourceId, Arc<str>)> for Files {
    fn from_iter<I: IntoIterator<Item = (ResourceId, Arc<str>)>>(list: I) -> Self {
        let mut files = Self::default();
        for (id, name) in list {
            *files.holds.entry(name.clone()).or_default() += 1;
            files.names.insert(id, name);
        }
        files
    }
}

impl Files {
    /// No file is known: commands name those that we would write.
    #[must_use]
    pub const fn none() -> Self {
        Self { names: BTreeMap::new(), holds: BTreeMap::new() }
    }

    /// The same files, each of them for its manifest under another name.
    #[must_use]
    pub fn under(&self, name: impl Fn(&ResourceId) -> ResourceId) -> Self {
        Self {
            names: self.names.iter().map(|(id, file)| (name(id), file.clone())).collect(),
            holds: self.holds.clone(),
        }
    }

    /// The file of that manifest. Where nobody said, the one that we would write.
    #[must_use]
    pub fn of(&self, id: &ResourceId) -> Cow<'_, str> {
        self.names
            .get(id)
            .map_or_else(|| Cow::Owned(format!("{}-{}.yaml", id.kind, id.name)), |name| Cow::Borrowed(&**name))
    }

    /// Whether its file holds other manifests too, so that applying it applies them.
    #[must_use]
    pub fn is_shared(&self, id: &ResourceId) -> bool {
        self.names.get(id).is_some_and(|name| self.holds.get(name).is_some_and(|count| *count > 1))
    }
}
