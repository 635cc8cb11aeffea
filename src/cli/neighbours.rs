//! What the apps of a run take from each other on one cluster: names of objects, disks, node ports, addresses. Found in
//! one sorted list of what each takes; only those that meet are looked at again, to say where.

use super::project::{Candidate, Loaded, Selection};
use crate::Compiled;
use crate::allow;
use crate::diagnostic::{Code, Diagnostics, Finding, Level};
use crate::review::neighbours::{self, Taken, What};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

static OBJECT: Code = Code {
    id: "SW0610",
    name: "object-in-two-apps",
    level: Level::Error,
    page: include_str!("pages/object-in-two-apps.md"),
};
static DISK: Code = Code {
    id: "SW0611",
    name: "disk-in-two-places",
    level: Level::Error,
    page: include_str!("pages/disk-in-two-places.md"),
};
static NODE_PORT: Code = Code {
    id: "SW0612",
    name: "node-port-in-two-apps",
    level: Level::Error,
    page: include_str!("pages/node-port-in-two-apps.md"),
};
static ADDRESS: Code = Code {
    id: "SW0613",
    name: "address-in-two-apps",
    level: Level::Warning,
    page: include_str!("pages/address-in-two-apps.md"),
};

/// The codes of this module.
pub(super) static CODES: &[&Code] = &[&OBJECT, &DISK, &NODE_PORT, &ADDRESS];

/// Those of them that `allow` silences. A node port that is taken is refused by the API server.
pub(super) static ALLOWED: &[&Code] = &[&OBJECT, &DISK, &ADDRESS];

/// So many are told.
const MOST: usize = 100;

/// One environment of one app, and what it takes.
#[derive(Clone, Debug)]
pub(super) struct Stay {
    pub(super) environment: String,
    pub(super) cluster: Cluster,
    pub(super) taken: Vec<Taken>,
}

/// Which cluster an environment is on: the one that it names, else the one that all apps of a workspace have for an
/// environment so called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cluster {
    pub(super) workspace: Option<PathBuf>,
    pub(super) is_named: bool,
    pub(super) name: String,
}

impl Stay {
    /// What a compiled environment takes.
    pub(super) fn new(app: &Loaded, environment: &str, compiled: &Compiled) -> Self {
        let shared = app.given(environment);
        let given = shared.as_ref().and_then(|shared| shared.get("cluster")?.as_str());
        let named = compiled.app.cluster.as_deref().or(given);
        let cluster = Cluster {
            workspace: app.shared.as_ref().map(|shared| shared.folder.clone()),
            is_named: named.is_some(),
            name: named.unwrap_or(environment).to_owned(),
        };
        let taken = neighbours::taken(&compiled.bundle, &compiled.app.identity.namespace);
        Self { environment: environment.to_owned(), cluster, taken }
    }

    /// The cluster that it is on: its workspace, and its name.
    pub(super) fn on(&self) -> (Option<PathBuf>, String) {
        (self.cluster.workspace.clone(), self.cluster.name.clone())
    }
}

/// What all apps of a run take.
#[derive(Default)]
pub(super) struct Index {
    /// The app and its environment, and its cluster.
    stays: Vec<(usize, String, usize)>,
    clusters: BTreeMap<Cluster, usize>,
    entries: Vec<Entry>,
}

/// One thing that is taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    what: What,
    key: u64,
    /// Of no matter to a disk of a cloud.
    cluster: usize,
    stay: usize,
    owner: u64,
    order: usize,
}

/// Two apps, and what they both take, and how much that matters.
type Kind = (usize, usize, What, Level);

/// The first thing that both take, and how many there are.
#[derive(Clone, Copy)]
struct Meeting {
    one: Entry,
    other: Entry,
    count: usize,
}

impl Index {
    /// Adds an app of the run, by its number.
    pub(super) fn add(&mut self, candidate: usize, stays: Vec<Stay>) {
        for Stay { environment, cluster, taken } in stays {
            let next = self.clusters.len();
            let cluster = *self.clusters.entry(cluster).or_insert(next);
            let stay = self.stays.len();
            self.stays.push((candidate, environment, cluster));
            self.entries.extend(taken.into_iter().map(|Taken { what, key, owner, order }| Entry {
                what,
                key,
                cluster,
                stay,
                owner,
                order,
            }));
        }
    }

    /// What is taken twice, each two apps told once of each kind of thing.
    pub(super) fn findings(mut self, candidates: &[Candidate], selection: &Selection) -> Vec<Finding> {
        if self.stays.len() < 2 {
            return Vec::new();
        }
        self.entries.sort_unstable();
        let is_named: Vec<bool> = {
            let mut list: Vec<(usize, bool)> =
                self.clusters.iter().map(|(cluster, number)| (*number, cluster.is_named)).collect();
            list.sort_unstable();
            list.into_iter().map(|(_, named)| named).collect()
        };
        let mut meetings: BTreeMap<Kind, Meeting> = BTreeMap::new();
        for group in self.entries.chunk_by(|one, other| (one.what, one.key) == (other.what, other.key)) {
            if let Some((one, other, level)) = meeting(group, &is_named) {
                let kind = (self.stays[one.stay].0, self.stays[other.stay].0, one.what, level);
                let known = meetings.entry(kind).or_insert(Meeting { one, other, count: 0 });
                known.count += 1;
                if (one.order, one.key) < (known.one.order, known.one.key) {
                    (known.one, known.other) = (one, other);
                }
            }
        }
        // What may be meant is told of the first app of those that have it between the same two environments, with how
        // many they are.
        let mut alike: BTreeMap<(&str, &str), Vec<Meeting>> = BTreeMap::new();
        let mut told = Vec::new();
        // To tell of one compiles two apps again, even where it comes out that an app allows it. What is no error is
        // looked at so many times.
        let mut looks = 0..MOST;
        for ((one, other, _, level), meeting) in meetings {
            if level == Level::Note && one == other {
                let environment = |entry: Entry| self.stays[entry.stay].1.as_str();
                alike.entry((environment(meeting.one), environment(meeting.other))).or_default().push(meeting);
            } else if level == Level::Error && told.len() < MOST || level != Level::Error && looks.next().is_some() {
                told.extend(self.told(meeting, level, candidates, selection));
            }
        }
        for group in alike.values() {
            let mut left = group.iter();
            let mut look =
                |meeting: &Meeting| looks.next().and_then(|_| self.told(*meeting, Level::Note, candidates, selection));
            if let Some(mut finding) = left.find_map(&mut look) {
                let more = left.len();
                let _ = match more {
                    0 => Ok(()),
                    1 => write!(finding.message, ". One more app has such disks"),
                    more => write!(finding.message, ". {more} more apps have such disks"),
                };
                told.push(finding);
            }
        }
        told
    }

    /// One meeting in words. None where an app allows it, or where it cannot be found again.
    fn told(&self, meeting: Meeting, level: Level, candidates: &[Candidate], selection: &Selection) -> Option<Finding> {
        let Meeting { one, other, count } = meeting;
        let code = match one.what {
            What::Name => &OBJECT,
            What::CloudDisk | What::Disk => &DISK,
            What::NodePort => &NODE_PORT,
            What::Address | What::Balancer => &ADDRESS,
        };
        let (first, second) = (
            self.seen(one, code, level, candidates, selection)?,
            self.seen(other, code, level, candidates, selection)?,
        );
        let level = first.level?.min(second.level?);
        let more = |noun: &str| match count {
            1 => String::new(),
            2 => format!(", and one more {noun}"),
            _ => format!(", and {} more {noun}s", count - 1),
        };
        let (both, words) = (format!("{} and {}", first.title, second.title), &second.words);
        let (message, help) = match one.what {
            What::Name => (
                format!("{both} both make {words}{}: whichever is applied last overwrites the other", more("object")),
                "give one of them another name or namespace. Where these are two clusters, name them: `cluster:` in \
                    each environment",
            ),
            What::CloudDisk | What::Disk if level == Level::Error => (
                format!(
                    "{both} both mount {words}{}: they write over each other's data, or one of them never starts",
                    more("disk")
                ),
                "give one of them disks of its own: its own `volumes:`, or the environment or the namespace in their \
                    names",
            ),
            What::CloudDisk | What::Disk => (
                format!(
                    "{both} both mount {words}{}: if they run on one cluster, they write over each other's data",
                    more("disk")
                ),
                "give one of them disks of its own, or name the cluster of each environment: `cluster:`",
            ),
            What::NodePort => (
                format!("{both} both want {words}{}: the API server refuses the second Service", more("port")),
                "leave the port out, so that a free one is allocated, or give one of them another",
            ),
            What::Address => (
                format!("{both} both answer at {words}{}: which of them does is up to the controller", more("address")),
                "give one of them another host or path",
            ),
            What::Balancer => (
                format!("{both} both want {words}{}: one of them is left without", more("address")),
                "give one of them another address or port",
            ),
        };
        let mut found = Diagnostics::default();
        code.report(message).level(level).help(help).about(second.subject).at(second.at, &mut found);
        let mut finding =
            candidates[self.stays[other.stay].0].peek(false, |app| found.resolve(&app.sources).pop()).ok()???;
        finding.also.push((first.spot?, format!("{} has it", first.title)));
        Some(finding)
    }

    /// Compiles one of those that meet again, to say where.
    fn seen(
        &self,
        entry: Entry,
        code: &'static Code,
        level: Level,
        candidates: &[Candidate],
        selection: &Selection,
    ) -> Option<Seen> {
        let (candidate, environment, _) = &self.stays[entry.stay];
        let look = |app: &Loaded| {
            let compiled = app.compile(environment, selection.kubernetes.as_deref(), &mut Diagnostics::default())?;
            let owner = neighbours::owner(&compiled.bundle, &compiled.app.identity.namespace, entry.what, entry.key)?;
            let levels = app.workspace().and_then(|workspace| workspace.rules.as_ref());
            let is_allowed =
                ALLOWED.iter().any(|allowed| allowed.id == code.id) && allow::silences(&compiled.app.allow, code);
            let at = owner.resource.node.place_of("metadata.name");
            let mut found = Diagnostics::default();
            code.report("").at(at, &mut found);
            Some(Seen {
                title: format!("`{}` in {environment}", app.spec.name),
                words: owner.words,
                at,
                subject: owner.resource.subject(),
                spot: found.resolve(&app.sources).pop().map(|finding| finding.spot),
                level: allow::level(levels, code, level).filter(|_| !is_allowed),
            })
        };
        candidates[*candidate].peek(false, look).ok()??
    }
}

/// What was seen of one of those that meet.
struct Seen {
    title: String,
    words: String,
    at: crate::source::At,
    subject: crate::diagnostic::Subject,
    spot: Option<crate::source::Spot>,
    /// How much it matters here; nothing where it is allowed.
    level: Option<Level>,
}

/// The first two of those who take one thing that are in each other's way, and how much that matters.
fn meeting(group: &[Entry], is_named: &[bool]) -> Option<(Entry, Entry, Level)> {
    let what = group.first()?.what;
    // Those of one cluster stand together.
    for mine in group.chunk_by(|one, other| one.cluster == other.cluster) {
        let first = mine[0];
        let is_other = |entry: &&Entry| {
            entry.stay != first.stay && (entry.owner != first.owner || what == What::Name && entry.owner == 0)
        };
        if let Some(other) = mine.iter().find(is_other) {
            return Some((
                first,
                *other,
                if matches!(what, What::Address | What::Balancer) { Level::Warning } else { Level::Error },
            ));
        }
    }
    let first = group[0];
    let other = group.iter().find(|entry| entry.cluster != first.cluster)?;
    match what {
        What::CloudDisk => Some((first, *other, Level::Error)),
        What::Disk if !(is_named[first.cluster] && is_named[other.cluster]) => Some((first, *other, Level::Note)),
        _ => None,
    }
}
