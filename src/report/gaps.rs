//! What the facts of a cluster do not tell, for a reader.

use super::counted;
use crate::cluster::world::Gap;
use crate::diagnostic::listing;
use crate::value::Text;

/// What is not known, and what is assumed instead.
pub(super) fn words(gap: &Gap) -> String {
    match gap {
        Gap::Nodes => {
            "the nodes: assumes that every pod schedules and every volume attaches (no nodes given; see --cluster)"
                .into()
        }
        Gap::DefaultClass => "whether the cluster gives claims that state no class a default one".into(),
        Gap::Class(name) => format!("whether the storage class `{name}` makes volumes"),
        Gap::ClassExists(name) => {
            format!("whether there is a StorageClass `{name}`: it is assumed to exist, and to provision volumes")
        }
        Gap::Provisioner(name) => format!("whether the provisioner `{name}` is there: assumed to provision volumes"),
        Gap::Exists { kind, name } => {
            format!("whether there is a {kind} `{name}`, which pods name: it is assumed to exist")
        }
        Gap::Runs { kind, names } => {
            let names = listing(names.iter().map(Text::as_str), 5);
            format!("what {kind} {names} runs: only the pods of StatefulSets are simulated")
        }
        Gap::Pods(count) => format!("{}: so many pods are not simulated", counted(*count, "more pod")),
        Gap::Decides { kind, name } => format!("what {kind} `{name}` decides: nothing is refused by it here"),
        Gap::Replicas { set, simulated } => {
            format!("the replicas of `{set}` beyond the first {simulated}: they are not simulated")
        }
    }
}
