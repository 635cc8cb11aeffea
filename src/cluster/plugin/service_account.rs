//! Whose account a pod runs under: plugin/pkg/admission/serviceaccount.

use crate::cluster::denial::Refused;
use crate::cluster::store::{Key, text};
use crate::cluster::world::World;
use crate::value::Node;

/// Refuses a pod whose account is not there. `default` is made with its namespace.
/// `Admit`, plugin/pkg/admission/serviceaccount.
pub(super) fn mutate(world: &mut World, key: &Key, pod: &Node) -> Result<(), Refused> {
    let account = text(pod, &["spec", "serviceAccountName"]);
    let namespace = &key.namespace;
    if !matches!(account, "" | "default") && world.is_missing(&Key::new("ServiceAccount", namespace.clone(), account)) {
        return Err(format!(
            "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"
        ));
    }
    Ok(())
}
