//! Lists of amounts by the name of the resource, as pods and claims ask for them. Knows no limit.
//! k8s.io/component-helpers/resource, `PodRequests` and `PodLimits`.

use crate::cluster::store::text;
use crate::k8s::quantity::Quantity;
use crate::value::Node;
use std::collections::BTreeMap;

/// Amounts by resource.
pub(crate) type Amounts = BTreeMap<String, Quantity>;

/// The amounts that a map states.
pub(super) fn stated(map: Option<&Node>) -> Amounts {
    map.into_iter()
        .flat_map(Node::entries)
        .filter_map(|(key, amount)| Some((key.name.to_string(), Quantity::of(amount)?)))
        .collect()
}

/// Adds others to them.
pub(super) fn add<'a>(sum: &mut Amounts, others: impl IntoIterator<Item = (&'a String, &'a Quantity)>) {
    for (name, amount) in others {
        match sum.get_mut(name) {
            Some(old) => *old = old.plus(amount),
            None => _ = sum.insert(name.clone(), amount.clone()),
        }
    }
}

fn raise(most: &mut Amounts, others: &Amounts) {
    for (name, amount) in others {
        if most.get(name).is_none_or(|old| amount.cmp(old).is_gt()) {
            most.insert(name.clone(), amount.clone());
        }
    }
}

/// What a container states of `requests` or `limits`.
pub(super) fn of_container(container: &Node, which: &str) -> Amounts {
    stated(container.find(&["resources", which]))
}

/// What a pod asks for in all, of `requests` or `limits`: its containers together, or what runs before them, or what it
/// says for all of itself.
pub(super) fn of_pod(pod: &Node, which: &str) -> Amounts {
    let containers = |list: &str| pod.find(&["spec", list]).into_iter().flat_map(Node::items);
    let mut sum = Amounts::new();
    containers("containers").for_each(|container| add(&mut sum, &of_container(container, which)));
    let (mut beside, mut before) = (Amounts::new(), Amounts::new());
    for container in containers("initContainers") {
        let mut own = of_container(container, which);
        if text(container, &["restartPolicy"]) == "Always" {
            add(&mut sum, &own);
            add(&mut beside, &own);
            own.clone_from(&beside);
        } else {
            add(&mut own, &beside);
        }
        raise(&mut before, &own);
    }
    raise(&mut sum, &before);
    for (name, amount) in stated(pod.find(&["spec", "resources", which])) {
        if matches!(name.as_str(), "cpu" | "memory") {
            sum.insert(name, amount);
        }
    }
    sum
}

/// What a pod costs in all, with what its class of runtimes costs: its overhead is added to every request, and to
/// limits that there are.
pub(super) fn with_overhead(pod: &Node, which: &str) -> Amounts {
    let mut all = of_pod(pod, which);
    for (name, amount) in stated(pod.find(&["spec", "overhead"])) {
        if which == "requests" || all.contains_key(&name) {
            add(&mut all, &Amounts::from([(name, amount)]));
        }
    }
    all
}
