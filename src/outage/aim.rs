//! What is to fail: named, or each of a kind in turn.

use super::stage::Stage;
use crate::cluster::store::{Key, text};
use crate::diagnostic::nearest;
use crate::k8s::object::ObjectName;
use crate::value::{Node, Text};
use std::collections::BTreeSet;

/// A kind of thing that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A machine.
    Node,
    /// All machines of a zone.
    Zone,
    /// A disk, and what is on it.
    Disk,
    /// A pod, on a node that is well.
    Pod,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Node, Self::Zone, Self::Disk, Self::Pod];

    /// All of them, what is hit least first.
    pub const ALL_BY_WEIGHT: [Self; 4] = [Self::Pod, Self::Node, Self::Zone, Self::Disk];

    /// As it is written on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Zone => "zone",
            Self::Disk => "disk",
            Self::Pod => "pod",
        }
    }
}

/// What is to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The one of that name.
    One(Part, String),
    /// Each in turn.
    Each(Part),
}

impl std::str::FromStr for Aim {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = |word: &str| Part::ALL.into_iter().find(|part| part.word() == word);
        if let Some(part) = text.strip_prefix("each-").and_then(part) {
            return Ok(Self::Each(part));
        }
        if let Some((word, name)) = text.split_once('=')
            && let Some(part) = part(word)
            && !name.is_empty()
        {
            return Ok(Self::One(part, name.to_owned()));
        }
        let known = Part::ALL.map(|part| format!("{}=NAME", part.word())).join(", ");
        let each = Part::ALL.map(|part| format!("each-{}", part.word()));
        let help = nearest(text, each.iter().map(String::as_str)).map(|near| format!("; did you mean `{near}`?"));
        Err(format!("write {known}, or {}{}", each.join(", "), help.unwrap_or_default()))
    }
}

/// Something that fails, and what fails with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mishap {
    /// What it is.
    pub part: Part,
    /// Its name.
    pub name: String,
    /// The nodes that fail.
    pub nodes: Vec<Text>,
    /// The pods that run there, mount the disk, or are the pod.
    pub pods: Vec<ObjectName>,
    /// The volume whose disk fails.
    pub volume: Option<Text>,
}

/// There is nothing of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuch {
    /// What was looked for.
    pub part: Part,
    /// Its name.
    pub name: String,
    /// What there is, the first few.
    pub known: Vec<String>,
    /// How many there are.
    pub all: usize,
    /// The one that may have been meant.
    pub near: Option<String>,
}

/// No more are named in a message.
const NAMED: usize = 8;

impl Stage {
    /// What fails, one after the other.
    ///
    /// # Errors
    /// There is nothing of the name that is given.
    pub fn mishaps(&self, aim: &Aim) -> Result<Vec<Mishap>, NoSuch> {
        match aim {
            Aim::Each(part) => Ok(self.all(*part)),
            Aim::One(part, name) => {
                let found = self.all(*part).into_iter().find(|mishap| self.is_called(mishap, name));
                found.map(|mishap| vec![mishap]).ok_or_else(|| self.no_such(*part, name))
            }
        }
    }

    fn no_such(&self, part: Part, name: &str) -> NoSuch {
        let known: Vec<String> = self.all(part).into_iter().map(|mishap| mishap.name).collect();
        let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        let all = known.len();
        NoSuch { part, name: name.to_owned(), known: known.into_iter().take(NAMED).collect(), all, near }
    }

    /// All of a kind: nodes and zones of the cluster, volumes that pods mount, pods.
    fn all(&self, part: Part) -> Vec<Mishap> {
        match part {
            Part::Node => {
                let nodes = self.machines().iter().map(|machine| machine.name.clone());
                nodes.map(|node| self.of_nodes(Part::Node, node.to_string(), vec![node])).collect()
            }
            Part::Zone => {
                let zones: BTreeSet<&str> =
                    self.machines().iter().filter_map(|machine| Self::zone(&machine.labels)).collect();
                let of = |zone: &str| {
                    let there = |labels: &Node| Self::zone(labels) == Some(zone);
                    let nodes = self.machines().iter().filter(|machine| there(&machine.labels));
                    nodes.map(|machine| machine.name.clone()).collect()
                };
                zones.into_iter().map(|zone| self.of_nodes(Part::Zone, zone.to_owned(), of(zone))).collect()
            }
            Part::Disk => {
                let mut all: Vec<Mishap> = Vec::new();
                for (pod, volume) in self.mounted() {
                    match all.iter_mut().find(|mishap| mishap.volume.as_ref() == Some(&volume)) {
                        Some(mishap) => mishap.pods.push(pod),
                        None => all.push(Mishap {
                            part,
                            name: volume.to_string(),
                            nodes: Vec::new(),
                            pods: vec![pod],
                            volume: Some(volume),
                        }),
                    }
                }
                all.sort_by(|one, other| one.name.cmp(&other.name));
                all
            }
            Part::Pod => {
                let of = |pod: &ObjectName| Mishap {
                    part,
                    name: pod.seen_from(&self.home).to_string(),
                    nodes: Vec::new(),
                    pods: vec![pod.clone()],
                    volume: None,
                };
                self.state.pods.iter().map(|pod| of(&pod.name)).collect()
            }
        }
    }

    fn of_nodes(&self, part: Part, name: String, nodes: Vec<Text>) -> Mishap {
        let there = self.state.pods.iter().filter(|pod| pod.node.as_ref().is_some_and(|node| nodes.contains(node)));
        let pods = there.map(|pod| pod.name.clone()).collect();
        Mishap { part, name, nodes, pods, volume: None }
    }

    /// Whether a name means it: a disk may be called by its volume, by its claim, or as its cloud or node calls it.
    fn is_called(&self, mishap: &Mishap, name: &str) -> bool {
        if mishap.name == name {
            return true;
        }
        let store = &self.cluster.world.store;
        let volume =
            mishap.volume.as_ref().and_then(|volume| store.get(&Key::new("PersistentVolume", "", volume.clone())));
        volume.is_some_and(|volume| {
            const DISKS: [&[&str]; 7] = [
                &["spec", "csi", "volumeHandle"],
                &["spec", "gcePersistentDisk", "pdName"],
                &["spec", "awsElasticBlockStore", "volumeID"],
                &["spec", "azureDisk", "diskName"],
                &["spec", "local", "path"],
                &["spec", "hostPath", "path"],
                &["spec", "claimRef", "name"],
            ];
            DISKS.iter().any(|path| text(volume, path) == name)
        })
    }
}
