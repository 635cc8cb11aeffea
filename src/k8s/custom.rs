//! Which kinds only a CustomResourceDefinition can know. Knows no definition.

use super::retired::{self, Absence};
use super::shape;
use super::version::Version;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Whether only a CustomResourceDefinition, or another server behind the API server, can know the kind: its group is
/// none that Kubernetes itself serves, or ever served.
#[must_use]
pub(crate) fn is_custom(api_version: &str, kind: &str) -> bool {
    static SERVED: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    let Some((group, _)) = api_version.split_once('/').filter(|(group, _)| group.contains('.')) else { return false };
    let served = SERVED.get_or_init(|| {
        Version::all()
            .flat_map(shape::kinds)
            .filter_map(|known| known.api_version.split_once('/'))
            .map(|(group, _)| group)
            .collect()
    });
    !served.contains(group)
        && !matches!(retired::absence(api_version, kind, Version::NEWEST), Some(Absence::Gone { .. }))
}
