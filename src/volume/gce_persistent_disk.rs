//! A Google Compute Engine disk that exists: in the form of its CSI driver, or the classic one on request.

use super::{Contribution, DISK_NAME, Static, file_system, missing, text};
use crate::block::{Placed, block, words};
use crate::diagnostic::Diagnostics;
use crate::value::{Map, Node, Text};

words! {
    /// Which of the two forms is written.
    pub(crate) enum GceDriver {
        /// `pd.csi.storage.gke.io`, what every cluster of today uses.
        Csi = "csi",
        /// `gcePersistentDisk`, for old clusters.
        InTree = "in-tree",
    }
}

block! {
    /// A Google Compute Engine disk that exists.
    pub(crate) struct GcePersistentDisk = "`gcePersistentDisk`", needs ["disk"] {
        /// The disk's name.
        /// Example: `"kubia-{{ ordinal }}"`
        disk: Placed<Text>,
        /// The project that owns it.
        /// Example: `acme`
        project: Placed<Text>,
        /// The zone that it is in.
        /// Example: `europe-west1-b`
        zone: Placed<Text>,
        /// The two zones of a regional disk, in place of `zone`.
        /// Example: `[europe-west1-b, europe-west1-c]`
        zones: Vec<Text>,
        /// The file system; default: ext4.
        /// Example: `xfs`
        fs_type as "fsType": Placed<Text>,
        /// The partition; default: the whole disk.
        /// Example: `1`
        partition: Placed<i64>,
        /// Whether it is mounted for reading only.
        /// Example: `true`
        read_only as "readOnly": Placed<bool>,
        /// `csi`, or `in-tree` for the classic form.
        /// Example: `in-tree`
        driver: GceDriver,
    }
}

impl GcePersistentDisk {
    /// The handle by which the CSI driver knows the disk: a zone's, or a region's when two zones hold it.
    fn handle(project: &str, disk: &str, zones: &[Text]) -> String {
        match zones {
            [zone] => format!("projects/{project}/zones/{zone}/disks/{disk}"),
            _ => {
                let region = zones.first().map_or("", |zone| region(zone));
                format!("projects/{project}/regions/{region}/disks/{disk}")
            }
        }
    }
}

impl GcePersistentDisk {
    /// Finds names that Compute Engine gives to no disk, project or zone.
    fn judge_names(&self, disk: &Placed<Text>, zones: &[Text], found: &mut Diagnostics) {
        const LABEL: &str = "lowercase letters, digits and `-`, beginning with a letter, at most 63";
        if !is_name(&disk.value, 63) {
            DISK_NAME
                .report(format!("no Compute Engine disk is named `{}`", disk.value))
                .help(format!("its name is {LABEL}"))
                .at(disk.at, found);
        }
        if let Some(project) = &self.project {
            // Old projects belong to a domain: `example.com:acme`.
            let name = project.value.rsplit_once(':').map_or(&*project.value, |(_, name)| name);
            if !is_name(name, 63) {
                DISK_NAME
                    .report(format!("no Compute Engine project is named `{}`", project.value))
                    .help("write its id, such as `acme-prod`; not its title or number")
                    .at(project.at, found);
            }
        }
        let at = self.zone.as_ref().map_or(self.at, |zone| zone.at);
        for zone in zones {
            match zone.rsplit_once('-') {
                Some((region, letter))
                    if is_region(region)
                        && letter.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) => {}
                _ if is_region(zone) => DISK_NAME
                    .report(format!("`{zone}` is a region, and a disk is in a zone of it"))
                    .help(format!("add the zone's letter: `{zone}-b`; a regional disk has two `zones`"))
                    .at(at, found),
                _ => DISK_NAME
                    .report(format!("no Compute Engine zone is named `{zone}`"))
                    .help("write it like `europe-west1-b`: area, region, letter")
                    .at(at, found),
            }
        }
        if let [one, other] = zones
            && (one == other || region(one) != region(other))
        {
            DISK_NAME
                .report(format!("no disk is in both `{one}` and `{other}`"))
                .help("a regional disk is in two zones of one region")
                .at(at, found);
        }
    }
}

/// Whether it can name a resource of Compute Engine (RFC 1035).
fn is_name(name: &str, most: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= most
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(plain)
        && !name.ends_with('-')
}

/// Whether it looks like `europe-west1`.
fn is_region(name: &str) -> bool {
    name.split_once('-').is_some_and(|(area, rest)| {
        let side = rest.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let letters = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        letters(area) && letters(side) && side.len() < rest.len()
    })
}

fn region(zone: &str) -> &str {
    zone.rsplit_once('-').map_or(zone, |(region, _)| region)
}

impl Static for GcePersistentDisk {
    fn contribute(&self, found: &mut Diagnostics) -> Option<Contribution> {
        let Some(disk) = &self.disk else {
            missing("`gcePersistentDisk`", "disk", "say which disk", self.at, found);
            return None;
        };
        let zones: Vec<Text> = match (&self.zone, &self.zones) {
            (Some(zone), None) => vec![zone.value.clone()],
            (None, Some(zones)) if zones.len() == 2 => zones.clone(),
            _ => {
                missing(
                    "`gcePersistentDisk`",
                    "zone",
                    "say the zone that the disk is in, or both `zones` of a regional disk",
                    self.at,
                    found,
                );
                return None;
            }
        };
        self.judge_names(disk, &zones, found);
        let ext4 = Placed { value: "ext4".into(), at: self.at };
        let fs_type = self.fs_type.as_ref().unwrap_or(&ext4);
        file_system(fs_type, found);
        let read_only = self.read_only.as_ref().map(|value| Node::bool(value.value, value.at));
        let partition = self.partition.as_ref();
        if self.driver == Some(GceDriver::InTree) {
            let mut labels = Map::new();
            labels.put("topology.kubernetes.io/zone", Node::text(zones.join("__"), self.at));
            let fields = [
                ("pdName", Some(text(disk))),
                ("fsType", Some(text(fs_type))),
                ("partition", partition.map(|value| Node::int(value.value, value.at))),
                ("readOnly", read_only),
            ];
            return Some(Contribution {
                field: "gcePersistentDisk",
                source: Node::of(self.at, fields),
                reach: Some(("topology.kubernetes.io/zone".into(), zones)),
                labels,
                disk: disk.value.to_string(),
                shared: false,
            });
        }
        let Some(project) = &self.project else {
            missing(
                "`gcePersistentDisk`",
                "project",
                "the driver finds a disk by project, zone and name: add `project:`",
                self.at,
                found,
            );
            return None;
        };
        let handle = Self::handle(&project.value, &disk.value, &zones);
        let attributes = partition
            .map(|value| Node::of(value.at, [("partition", Some(Node::text(value.value.to_string(), value.at)))]));
        Some(Contribution {
            field: "csi",
            source: Node::of(
                self.at,
                [
                    ("driver", Some(Node::text("pd.csi.storage.gke.io", self.at))),
                    ("volumeHandle", Some(Node::text(handle.as_str(), disk.at))),
                    ("fsType", Some(text(fs_type))),
                    ("readOnly", read_only),
                    ("volumeAttributes", attributes),
                ],
            ),
            reach: Some(("topology.gke.io/zone".into(), zones)),
            labels: Map::new(),
            disk: handle,
            shared: false,
        })
    }
}
