//! The disks of clouds behind volumes: how each is made and grown by its cloud's own command. A cloud that gives disks
//! their names itself can make none that a manifest names beforehand.

use super::command::{Command, word};
use super::step::{OfVolume, Purpose, Step};
use super::{Item, Matter, Plan};
use crate::bundle::{Resource, ResourceId};
use crate::cluster::object::capacity;
use crate::k8s::quantity::Quantity;
use crate::review::change::ChangeKind;
use crate::value::Node;
use std::collections::BTreeMap;

/// A disk of a cloud.
enum Disk<'n> {
    Google { name: &'n str, project: Option<&'n str>, zone: Option<&'n str> },
    Amazon { id: &'n str },
    Azure { name: &'n str, group: &'n str, subscription: &'n str },
}

/// How the disk behind a volume grows; nothing for a folder, which has no size.
pub(super) fn grow(volume: &Node, size: &Quantity) -> Option<Command> {
    let size = gigabytes(size)?;
    Some(Command::line(match disk(volume)? {
        Disk::Google { name, project, zone } => {
            format!("gcloud compute disks resize {}{} --size {size}GB --quiet", word(name), at(project, zone))
        }
        Disk::Amazon { id } => format!("aws ec2 modify-volume --volume-id {} --size {size}", word(id)),
        Disk::Azure { name, group, subscription } => {
            format!("az disk update {} --size-gb {size}", named(name, group, subscription))
        }
    }))
}

/// How the disk behind a volume is made, if it is not there.
fn make(volume: &Node) -> Option<Step> {
    let size = gigabytes(&capacity(volume))?;
    let (show, make, name) = match disk(volume)? {
        Disk::Google { name, project, zone } => {
            let place = at(project, zone);
            let disk = word(name);
            (
                format!("gcloud compute disks describe {disk}{place}"),
                format!("gcloud compute disks create {disk}{place} --size {size}GB"),
                name,
            )
        }
        Disk::Azure { name, group, subscription } => {
            let disk = named(name, group, subscription);
            (format!("az disk show {disk}"), format!("az disk create {disk} --size-gb {size}"), name)
        }
        Disk::Amazon { .. } => return None,
    };
    Some(Step {
        command: Command::line(format!("{show} || {make}")),
        expect: vec![OfVolume::Disk(name.to_owned()).into()],
        ..Step::default()
    })
}

/// Steps that make disks: in front of the plan that applies their volumes, else as a plan of their own.
pub(super) fn before(plans: &mut Vec<Plan>, matter: Matter<'_>) {
    let added =
        matter.changes.iter().filter(|change| change.kind == ChangeKind::Added && change.id.kind == "PersistentVolume");
    let ready = added.filter(|change| change.refusals.is_empty()).filter_map(|change| matter.fresh.get(&change.id));
    let mut steps: BTreeMap<&ResourceId, Step> =
        ready.filter_map(|volume| Some((&volume.id, make(&volume.node)?))).collect();
    for plan in plans.iter_mut() {
        let applied = plan.items.iter().flat_map(|item| match item {
            Item::Apply { ids, .. } => ids.as_slice(),
            Item::Run(_) => &[],
        });
        let first: Vec<Item> = applied.filter_map(|id| steps.remove(id)).map(Item::Run).collect();
        plan.items.splice(0..0, first);
    }
    plans.splice(0..0, alone(steps.into_values().collect()));
}

/// The steps for the volumes of an app that was not there before.
pub(super) fn of_new<'m>(volumes: impl Iterator<Item = &'m Resource>) -> Option<Plan> {
    alone(volumes.filter_map(|volume| make(&volume.node)).collect())
}

fn alone(steps: Vec<Step>) -> Option<Plan> {
    let mut plan = Plan::new(Purpose::Disks);
    plan.items = steps.into_iter().map(Item::Run).collect();
    (!plan.items.is_empty()).then_some(plan)
}

fn disk(volume: &Node) -> Option<Disk<'_>> {
    let spec = volume.get("spec")?;
    let source = |kind: &str, field: &str| spec.find(&[kind, field]).and_then(Node::as_str).filter(|id| no_option(id));
    let (driver, handle) = (source("csi", "driver").unwrap_or_default(), source("csi", "volumeHandle"));
    if driver == "pd.csi.storage.gke.io" {
        let parts: Vec<&str> = handle?.split('/').collect();
        let ["projects", project, "zones", zone, "disks", name] = parts[..] else { return None };
        let is_plain = [project, zone, name].into_iter().all(no_option);
        return is_plain.then_some(Disk::Google { name, project: Some(project), zone: Some(zone) });
    }
    if let Some(name) = source("gcePersistentDisk", "pdName") {
        return Some(Disk::Google { name, project: None, zone: zone(volume) });
    }
    let azure = source("azureDisk", "diskURI").or(handle.filter(|_| driver == "disk.csi.azure.com"));
    if let Some(parts) = azure.map(|id| id.split('/').collect::<Vec<_>>()) {
        let [
            "",
            "subscriptions",
            subscription,
            "resourceGroups",
            group,
            "providers",
            "Microsoft.Compute",
            "disks",
            name,
        ] = parts[..]
        else {
            return None;
        };
        let is_plain = [subscription, group, name].into_iter().all(no_option);
        return is_plain.then_some(Disk::Azure { name, group, subscription });
    }
    let aws = source("awsElasticBlockStore", "volumeID").or(handle.filter(|_| driver == "ebs.csi.aws.com"))?;
    aws.rsplit('/').next().filter(|id| no_option(id)).map(|id| Disk::Amazon { id })
}

/// The one zone that a volume is tied to.
fn zone(volume: &Node) -> Option<&str> {
    const ZONE: [&str; 3] =
        ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone", "topology.gke.io/zone"];
    let terms = volume.find(&["spec", "nodeAffinity", "required", "nodeSelectorTerms"])?.as_list()?;
    let rules = terms.iter().filter_map(|term| term.get("matchExpressions")?.as_list()).flatten();
    let mut values = rules.filter(|rule| rule.get("key").and_then(Node::as_str).is_some_and(|key| ZONE.contains(&key)));
    let [zone] = values.next()?.get("values")?.as_list()? else { return None };
    zone.as_str().filter(|zone| no_option(zone))
}

fn at(project: Option<&str>, zone: Option<&str>) -> String {
    let flag =
        |name: &str, value: Option<&str>| value.map(|value| format!(" --{name} {}", word(value))).unwrap_or_default();
    format!("{}{}", flag("project", project), flag("zone", zone))
}

fn named(name: &str, group: &str, subscription: &str) -> String {
    format!("--name {} --resource-group {} --subscription {}", word(name), word(group), word(subscription))
}

fn gigabytes(size: &Quantity) -> Option<i64> {
    Some(size.value().checked_add((1 << 30) - 1)? >> 30)
}

/// No cloud has a disk whose name looks like an option.
fn no_option(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('-')
}
