//! A container of the pod template.

use crate::app::container::Container;
use crate::value::{Map, Node};

/// All of a container: its fields, the security context that all containers share, and its own words over both.
pub(super) fn container(container: &Container, security: &Map) -> Node {
    let mut map = Map::new();
    for (field, node) in &container.fields {
        map.put(*field, node.clone());
    }
    if !security.is_empty() {
        let at = security.iter().next().map_or(container.at, |(key, _)| key.at);
        map.put("securityContext", Node::map(security.clone(), at));
    }
    crate::merge::overlay(&mut map, &container.rest);
    Node::map(map, container.at)
}
