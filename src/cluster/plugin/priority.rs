//! How important a pod is, by its class: plugin/pkg/admission/priority.

use crate::cluster::denial::Refused;
use crate::cluster::store::{Key, put, text};
use crate::cluster::world::World;
use crate::value::{Node, Text};

/// Classes that every cluster has.
const SYSTEM: [(&str, i64); 2] = [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];
const KIND: &str = "PriorityClass";
const LOWER: &str = "PreemptLowerPriority";

/// A pod's priority, as the plugin has written it.
#[must_use]
pub(crate) fn of(pod: &Node) -> i64 {
    pod.find(&["spec", "priority"]).and_then(Node::as_int).unwrap_or_default()
}

/// Whether a pod may take the place of others.
#[must_use]
pub(crate) fn preempts(pod: &Node) -> bool {
    text(pod, &["spec", "preemptionPolicy"]) != "Never"
}

/// Writes the priority of a new pod: `admitPod`.
pub(super) fn mutate(world: &mut World, pod: &mut Node) -> Result<(), Refused> {
    let (name, value, policy) = match text(pod, &["spec", "priorityClassName"]) {
        "" => default(world),
        name => of_class(world, name.into())?,
    };
    let at = pod.at;
    if let Some(stated) = pod.find(&["spec", "priority"]).and_then(Node::as_int).filter(|stated| *stated != value) {
        return Err(format!(
            "the integer value of priority ({stated}) must not be provided in pod spec; priority admission \
                controller computed {value} from \
             the given PriorityClass name"
        ));
    }
    if !name.is_empty() {
        put(pod, &["spec", "priorityClassName"], Node::text(name, at));
    }
    put(pod, &["spec", "priority"], Node::int(value, at));
    let stated = text(pod, &["spec", "preemptionPolicy"]);
    if !stated.is_empty() && stated != policy {
        return Err(format!(
            "the string value of PreemptionPolicy ({stated}) must not be provided in pod spec; priority admission \
                controller computed \
             {policy} from the given PriorityClass name"
        ));
    }
    put(pod, &["spec", "preemptionPolicy"], Node::text(policy, at));
    Ok(())
}

/// Name, value and policy of the class that pods get which name none: of several the lowest.
/// `getDefaultPriorityClass`, plugin/pkg/admission/priority.
fn default(world: &World) -> (Text, i64, Text) {
    let is_default = |class: &&Node| class.get("globalDefault").and_then(Node::as_bool) == Some(true);
    let defaults = world.store.of_kind(KIND).filter(|(_, class)| is_default(class));
    let lowest = defaults.min_by_key(|(_, class)| value(class));
    lowest.map_or_else(
        || (Text::default(), 0, LOWER.into()),
        |(key, class)| (key.name.clone(), value(class), policy(class)),
    )
}

fn of_class(world: &mut World, name: Text) -> Result<(Text, i64, Text), Refused> {
    let key = Key::new(KIND, "", name.clone());
    if let Some(class) = world.store.get(&key) {
        return Ok((name, value(class), policy(class)));
    }
    if let Some((_, value)) = SYSTEM.iter().find(|(system, _)| *system == name) {
        return Ok((name, *value, LOWER.into()));
    }
    if world.is_missing(&key) {
        return Err(format!("no PriorityClass with name {name} was found"));
    }
    Ok((name, 0, LOWER.into()))
}

fn value(class: &Node) -> i64 {
    class.get("value").and_then(Node::as_int).unwrap_or_default()
}

fn policy(class: &Node) -> Text {
    match text(class, &["preemptionPolicy"]) {
        "" => LOWER.into(),
        stated => stated.into(),
    }
}
