//! Where an object is when a bundle is looked at by itself.

use crate::bundle::Resource;

/// Where objects go that name no namespace.
pub(super) const HOME: &str = "default";

pub(super) fn namespace(resource: &Resource) -> &str {
    if resource.id.namespace.is_empty() { HOME } else { &resource.id.namespace }
}
