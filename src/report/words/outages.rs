//! What comes of things that fail, and what can be done: sentences of a forecast's values.

use crate::cluster::fleet::Patience;
use crate::cluster::state::BudgetState;
use crate::k8s::object::ObjectName;
use crate::outage::aim::{Mishap, NoSuch, Part};
use crate::outage::fate::{Company, Fate, Hit, Stuck, Word};
use crate::outage::hang::Hang;
use crate::outage::reach::{Disk, Form};
use crate::outage::remedy::{Before, End, Expect, How, Remedy, Risk, Safe, Way};
use crate::outage::stage::Presumption;
use crate::value::Text;

/// Words in one namespace.
#[derive(Clone, Copy)]
pub(crate) struct Outages<'a> {
    /// The namespace that goes without saying.
    pub home: &'a str,
}

impl Outages<'_> {
    fn seen(self, name: &ObjectName) -> String {
        name.seen_from(self.home).to_string()
    }

    /// What fails.
    pub(crate) fn title(mishap: &Mishap) -> String {
        let Mishap { part, name, nodes, .. } = mishap;
        match part {
            Part::Zone => format!("If zone {name} fails ({})", list(nodes)),
            part => format!("If {} {name} fails", part.word()),
        }
    }

    /// What happens by itself, and when.
    pub(crate) fn course(part: Part, patience: Patience) -> Option<String> {
        let Patience { grace, tolerate } = patience;
        matches!(part, Part::Node | Part::Zone).then(|| {
            format!(
                "after {grace} s of silence its pods are not ready and leave their Services; after {tolerate} s more they \
                 are marked for deletion, unless they tolerate it for longer or the whole cluster is silent"
            )
        })
    }

    /// What becomes of a pod.
    pub(crate) fn fate(hit: &Hit, part: Part) -> String {
        let pod = &hit.pod.name;
        let node = hit.node.as_deref().unwrap_or("its node");
        let on_node: Vec<&str> = hit
            .disks
            .iter()
            .filter(|disk| disk.form.is_on_node() && matches!(part, Part::Node | Part::Zone))
            .map(|disk| disk.claim.as_str())
            .collect();
        let data = if on_node.is_empty() {
            String::new()
        } else {
            format!("; the data of {} is on {node}, and lost if {node} does not come back", list(&on_node))
        };
        let fate = match &hit.fate {
            Fate::Returns(back) => format!("back at once on {back}, with its claims"),
            Fate::Replaced => "another pod takes its place at once".to_owned(),
            Fate::NotReplaced(stuck) => format!("another pod is to take its place, but {}", Self::stuck(stuck, node)),
            Fate::Terminating => format!(
                "stays Terminating until {node} is back or known to be off: there is at most one {pod}, so nothing comes \
                 back before"
            ),
            Fate::Unready => format!(
                "not ready, and not deleted: nothing comes back until {node} does, or somebody deletes {pod} for good"
            ),
            Fate::Alone => format!("nothing manages {pod}: nobody makes another"),
            Fate::Unplaced(why) => format!("has no place any more: {why}"),
            Fate::DiskGone => "what is on the disk is lost; a restart does not help".to_owned(),
        };
        format!("{fate}{data}")
    }

    fn stuck(stuck: &Stuck, node: &str) -> String {
        match stuck {
            Stuck::Place(why) => format!("no node suits it: {}", why.trim_end_matches('.')),
            Stuck::Attached => format!("its volume is still attached to {node}, which does not say that it lets go"),
        }
    }

    /// Where a disk can be used.
    pub(crate) fn reach(disk: &Disk) -> String {
        let nodes = if disk.nodes.is_empty() { "no other node".to_owned() } else { list(&disk.nodes) };
        match disk.form {
            Form::Local => "on the lost node only".to_owned(),
            Form::Path => "nowhere else: on another node the same path holds something else".to_owned(),
            Form::Network => format!("{nodes}, through the network"),
            Form::Disk if disk.shared => format!("{nodes}, several at once"),
            Form::Disk => nodes,
        }
    }

    /// Whether a majority stays.
    pub(crate) fn company(self, company: &Company) -> String {
        let Company { kind, name, wanted, left, after, .. } = company;
        let majority = company.majority();
        let serves = if *left == 1 { "serves" } else { "serve" };
        let quorum = match (*wanted, company.has_majority()) {
            (1, _) => "it has no other replica".to_owned(),
            (_, true) => format!("a majority ({majority}) stays"),
            (_, false) => format!("no majority ({majority}) is left: an app that needs a quorum stops"),
        };
        let again = if after > left { format!("; {after} when others have taken their place") } else { String::new() };
        format!("{kind} {}: {left} of {wanted} {serves} on: {quorum}{again}", self.seen(name))
    }

    /// What a budget still allows.
    pub(crate) fn budget(self, budget: &BudgetState) -> String {
        let BudgetState { name, healthy, needed, allowed, .. } = budget;
        let more = match allowed {
            0 => "no pod may be evicted until then".to_owned(),
            1 => "1 more pod may be evicted".to_owned(),
            many => format!("{many} more pods may be evicted"),
        };
        format!("PodDisruptionBudget {}: needs {needed} healthy pods and has {healthy}: {more}", self.seen(name))
    }

    /// What does not get on.
    pub(crate) fn hang(self, hang: &Hang) -> String {
        match hang {
            Hang::ScaleDown(set, pod) => {
                format!("scaling {} down stops at {}", self.seen(set), self.seen(pod))
            }
            Hang::ScaleUp(set, pod) => format!(
                "scaling {} up makes no pod: it waits for {} (`podManagementPolicy: Parallel` would not)",
                self.seen(set),
                self.seen(pod)
            ),
            Hang::Rollout { set, updated: 0, pod, .. } => {
                format!("a rolling update of {} updates no pod: it waits for {}", self.seen(set), self.seen(pod))
            }
            Hang::Rollout { set, updated, of, pod } => format!(
                "a rolling update of {} updates {updated} of {of} pods, then waits for {}",
                self.seen(set),
                self.seen(pod)
            ),
            Hang::Drain { node, pod, cause } => {
                format!("a drain of {node} is refused at {}: {}", self.seen(pod), lower(cause))
            }
        }
    }

    /// What a way out is.
    pub(crate) fn way(remedy: &Remedy, mishap: &Mishap) -> String {
        let what = list(&mishap.nodes);
        let node = if mishap.nodes.len() == 1 { "the node" } else { "each node" };
        match remedy.way {
            Way::NodeBack => format!("Bring {what} back"),
            Way::OutOfService => format!("Mark {what} as out of service"),
            Way::NewNode => format!("Mark {what} as out of service, and add a node in its place"),
            Way::ForceDelete => "Delete the pods by force".to_owned(),
            Way::OtherVolume => format!("Give up the data on {what}: the claims get spare volumes"),
            Way::OtherNode => format!("Give up the data on {what}: make volumes on other nodes"),
            Way::NewDisk => "Give up the disk: the claim gets another volume".to_owned(),
            Way::Nothing => "Nothing has to be done".to_owned(),
            Way::DrainBefore => format!("Before it happens, where it can be foreseen: drain {node}"),
        }
    }

    /// Who is back after it.
    pub(crate) fn ends(self, remedy: &Remedy) -> String {
        let ends: Vec<String> = remedy.ends.iter().map(|end| self.end(end)).collect();
        ends.join("; ")
    }

    fn end(self, end: &End) -> String {
        let pod = self.seen(&end.pod);
        match &end.how {
            How::Back(node) => format!("{pod} is back on {node} with its claims"),
            How::BackEmpty(node) => format!("{pod} is back on {node}, with an empty volume"),
            How::Stuck(Stuck::Place(why)) => format!("{pod} is Pending: {}", why.trim_end_matches('.')),
            How::Stuck(Stuck::Attached) => format!("{pod} does not start: its volume is not free"),
            How::Stays(node) => format!("{pod} is still on {node}: the drain is refused"),
            How::Terminating => format!("{pod} is still Terminating"),
            How::Gone => format!("{pod} is gone"),
        }
    }

    /// What makes it safe.
    pub(crate) fn safe(safe: Safe) -> &'static str {
        match safe {
            Safe::Untouched => "nothing is taken from a node that may still run",
            Safe::KnownOff => {
                "only once the node is known to be off: powered down, or cut off from its disks. NotReady alone is no proof"
            }
            Safe::Budgets => "evictions keep what PodDisruptionBudgets ask for; volumes are unmounted before they move",
            Safe::Elsewhere => "only if the app has the data elsewhere, in another replica or a backup",
        }
    }

    /// What it risks.
    pub(crate) fn risk(risk: &Risk) -> String {
        match risk {
            Risk::TwoOfOne => {
                "if the node is only cut off, its pod runs on beside the new one: two pods of one identity".to_owned()
            }
            Risk::TornWrites => {
                "if the node still writes, what it has not written yet is lost, and the file system may need repair"
                    .to_owned()
            }
            Risk::OtherContent(claims) => format!(
                "{} {} a path of whichever node the pod is on: it starts with what is there, and nothing warns",
                list(claims),
                if claims.len() == 1 { "is" } else { "are" }
            ),
            Risk::DataGone(claims) => format!("what is on {} is gone for this app", list(claims)),
            Risk::TaintStays => {
                "the taint stays when the node is back, and keeps pods away until it is removed".to_owned()
            }
            Risk::NoController(pods) => format!(
                "{} {} no controller: once evicted, nobody makes {} again",
                list(pods),
                if pods.len() == 1 { "has" } else { "have" },
                if pods.len() == 1 { "it" } else { "them" }
            ),
            Risk::FewerServe => "until it is undone, fewer pods serve".to_owned(),
        }
    }

    /// What has to be so before a step.
    pub(crate) fn before(before: &Before) -> String {
        match before {
            Before::Off(node) => format!("make sure that {node} is off, and stays off"),
            Before::Back(node) => format!("when {node} is back, and well"),
            Before::Replacement(node, Some(zone)) => format!("add a node like {node} in zone {zone}"),
            Before::Replacement(node, None) => format!("add a node like {node}"),
            Before::Folder(node, path) => format!("make sure that {path} is there on {node}, for this claim alone"),
            Before::Spare(claim) => format!("make sure that the app has what is on {claim} elsewhere"),
        }
    }

    /// What to expect of a step.
    pub(crate) fn expect(self, expect: &Expect) -> String {
        match expect {
            Expect::NotReady => "`Unknown`: the control plane hears nothing of the node; `True` means that it is up: stop".to_owned(),
            Expect::Collected => "`tainted`; within a minute its pods are gone and its volumes detached".to_owned(),
            Expect::Gone => "`force deleted`; nobody makes it again".to_owned(),
            Expect::Succeeded => "`force deleted`; its successor is there at once".to_owned(),
            Expect::SucceededLater => {
                "`force deleted`; its successor is there at once and, on another node, waits up to 6 minutes for the volume \
                 (`Multi-Attach error` meanwhile)"
                    .to_owned()
            }
            Expect::Ready => "`condition met`; it asks again while the pod is being replaced".to_owned(),
            Expect::Untainted => "`untainted`: pods may come to the node again".to_owned(),
            Expect::ClaimAnew => "the claim is gone, and made again for the pod, with another volume".to_owned(),
            Expect::ClaimEnding => "`deleted`: it stays Terminating until no pod mounts it".to_owned(),
            Expect::Volume(claim) => format!("`created`: a volume that only {claim} can take"),
            Expect::Drained => "`drained`: its pods are gone from it".to_owned(),
            Expect::DrainRefused(pod, cause) => format!(
                "refused at {}, again and again until there is room: {}",
                self.seen(pod),
                lower(cause)
            ),
            Expect::Uncordoned => "`uncordoned`: pods may come to the node again".to_owned(),
        }
    }

    /// That there is nothing of that name.
    pub(crate) fn no_such(missing: &NoSuch) -> String {
        let NoSuch { part, name, known, all, near } = missing;
        let word = part.word();
        let what = match part {
            Part::Disk => "disk or volume that a pod mounts",
            _ => word,
        };
        let more = all.saturating_sub(known.len());
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        let there = if known.is_empty() {
            format!("there is no {word} at all")
        } else {
            format!("there are {}{rest}", known.join(", "))
        };
        let near = near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!("there is no {what} `{name}`: {there}{near}")
    }

    /// What nobody said of the cluster.
    pub(crate) fn presumption(presumption: &Presumption) -> String {
        match presumption {
            Presumption::Nodes { nodes, zones } => format!(
                "the nodes: assumes {nodes} in {zones} zones, named node-1 and so on where no manifest names them (see \
                 --cluster)"
            ),
            Presumption::Zonal(class) => format!(
                "whether volumes of StorageClass `{class}` can follow a pod to another zone: assumes that each is in one zone"
            ),
            Presumption::Places => {
                "on which nodes the pods are: the scheduler may have decided otherwise (add pods to --cluster: `kubectl get \
                 pods -A -o yaml`)"
                    .to_owned()
            }
        }
    }
}

/// What the words of the table mean.
pub(crate) const LEGEND: &str = "survives: serves on or again with its data, by itself. waits: does not serve until the \
    node is back or somebody acts; the data is kept. loses: its data is on what failed.";

/// As the table says it; `-` where there is nothing to fail.
pub(crate) fn cell(word: Option<&Word>) -> &'static str {
    word.map_or("-", |word| word.word())
}

fn list(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        many if many.len() > 6 => format!("{} and {} more", many[..5].join(", "), many.len() - 5),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

/// The server's sentence within ours.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Names of nodes, for a heading.
pub(crate) fn nodes(names: &[Text]) -> String {
    list(names)
}
