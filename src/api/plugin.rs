//! What admission plugins fill into a new object before the server asks its rules. Knows those plugins alone without
//! which a rule would refuse what every server takes.

use crate::value::Node;
use std::borrow::Cow;

/// The object as the rules get to see it.
#[must_use]
pub(crate) fn admitted(object: &Node) -> Cow<'_, Node> {
    if lacks_account(object) {
        // The plugin ServiceAccount (plugin/pkg/admission/serviceaccount): a pod that names no account gets `default`,
        // and may ask for tokens.
        let mut pod = object.clone();
        let at = pod.at;
        if let Some(spec) = pod.get_mut("spec").and_then(Node::as_map_mut) {
            spec.put("serviceAccountName", Node::text("default", at));
        }
        return Cow::Owned(pod);
    }
    Cow::Borrowed(object)
}

fn lacks_account(object: &Node) -> bool {
    const MIRROR: &str = "kubernetes.io/config.mirror";
    let named =
        |field: &str| object.find(&["spec", field]).is_some_and(|name| name.as_str() != Some("") && !name.is_null());
    let says = |field: &str| object.get(field).and_then(Node::as_str);
    says("kind") == Some("Pod")
        && says("apiVersion") == Some("v1")
        && object.get("spec").is_some_and(|spec| spec.as_map().is_some())
        && !named("serviceAccountName")
        && !named("serviceAccount")
        && object.find(&["metadata", "annotations", MIRROR]).is_none()
}
