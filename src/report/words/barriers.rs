//! What stands in the way of an object that is valid by itself, and what can be done about it.

use crate::cluster::plugin::Barrier;

pub(super) fn name(barrier: &Barrier) -> String {
    let plain = match barrier {
        Barrier::Quota(name) => return format!("ResourceQuota {name}"),
        Barrier::Policy(name) => return format!("ValidatingAdmissionPolicy {name}"),
        Barrier::Mutation(name) => return format!("MutatingAdmissionPolicy {name}"),
        Barrier::LimitRange => "the LimitRanges of its namespace",
        Barrier::PodSecurity => "Pod Security",
        Barrier::Namespace => "its namespace, which is missing",
        Barrier::Labels => "its labels",
        Barrier::ServiceAccount => "its ServiceAccount",
        Barrier::PriorityClass => "its PriorityClass",
        Barrier::RuntimeClass => "its RuntimeClass",
    };
    plain.to_owned()
}

pub(super) const fn remedy(barrier: &Barrier) -> &'static str {
    match barrier {
        Barrier::Quota(_) => "how much of each limit is used. Raise the limit, or ask for less in the manifest",
        Barrier::LimitRange => {
            "the least and the most of each. Ask for as much in the manifest, or have the range changed"
        }
        Barrier::PodSecurity => {
            "the level that `pod-security.kubernetes.io/enforce` asks for. Write the pods so that they keep to it, or \
             have the label changed"
        }
        Barrier::Policy(_) => "its validations. Write the manifest so that they hold, or have the policy changed",
        Barrier::Mutation(_) => {
            "its mutations. Write the manifest so that they can be applied to it, or have the policy changed"
        }
        Barrier::Namespace => "those that there are. Make it first, or name another",
        Barrier::Labels => "its labels. Change them",
        Barrier::ServiceAccount | Barrier::PriorityClass | Barrier::RuntimeClass => {
            "those that there are. Name one of them, or make the one that is missing first"
        }
    }
}
