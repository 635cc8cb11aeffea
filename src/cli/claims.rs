//! Which folders the apps of a run write, and that no two write one folder, nor one inside the other's. Writes nothing
//! itself.

use super::project::{Candidate, Loaded, in_order};
use super::record::Record;
use crate::diagnostic::{Code, Diagnostics, Finding, Level};
use crate::disk;
use crate::source::{At, Sources, Spot};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

static OUTPUT_TAKEN: Code =
    Code { id: "SW0605", name: "output-taken", level: Level::Error, page: include_str!("pages/output-taken.md") };

/// The codes of this module.
pub(super) static CODES: &[&Code] = &[&OUTPUT_TAKEN];

/// So many specs are kept after they were read for their names, so that they are not read again: some megabytes.
pub(super) const MOST_KEPT: usize = 1000;

/// So many of those that write one folder are named beside the first two.
const MOST_NAMED: usize = 4;

/// The folders that the apps of a run write, all of their environments, whichever are asked for.
pub(super) struct Claims {
    /// In order, so that what lies in a folder comes right after it.
    list: Vec<Claim>,
}

/// One environment of one app.
struct Claim {
    /// The folder as one text that is the same for the same folder, also on a file system that takes `A` for `a`; that
    /// of a folder begins with that of each folder that it is in.
    key: String,
    root: PathBuf,
    folder: String,
    candidate: usize,
    environment: String,
    app: String,
}

impl Claims {
    /// Reads the specs, for their names, but for what is on record. What cannot be read claims nothing; it is not written
    /// either.
    pub(super) fn new(candidates: &[Candidate], records: &[Option<Record>], out: Option<&Path>) -> Self {
        let mut list = Vec::new();
        let mut roots = Roots::default();
        let mut number = 0;
        in_order(
            candidates,
            "reading",
            |position, candidate| {
                if let Some(Some(record)) = records.get(position) {
                    let root = candidate.root();
                    let place =
                        |(environment, folder): &(String, String)| (environment.clone(), root.clone(), folder.clone());
                    return Some((record.app.clone(), record.folders.iter().map(place).collect()));
                }
                let is_kept = position < MOST_KEPT;
                candidate
                    .peek(is_kept, |app| (app.spec.name.to_string(), places(app, out, candidates.len() == 1)))
                    .ok()
                    .flatten()
            },
            |read| {
                for (app, (environment, root, folder)) in
                    read.into_iter().flat_map(|(app, places)| places.into_iter().map(move |place| (app.clone(), place)))
                {
                    let key = format!("{}{}", roots.key(&root), key_of_folder(&folder));
                    list.push(Claim { key, root, folder, candidate: number, environment, app });
                }
                number += 1;
            },
        );
        list.sort_by(|a, b| (&a.key, a.candidate, &a.environment).cmp(&(&b.key, b.candidate, &b.environment)));
        Self { list }
    }

    /// Whether an app of the run writes that folder, or in it.
    pub(super) fn include(&self, root: &Path, folder: &str) -> bool {
        let key = format!("{}{}", key_of(root), key_of_folder(folder));
        let next = self.list.partition_point(|claim| claim.key < key);
        self.list.get(next).is_some_and(|claim| claim.key.starts_with(&key))
    }

    /// Those that are in each other's way. Each group is told once, and each two apps.
    pub(super) fn collisions(&self, candidates: &[Candidate]) -> Vec<Finding> {
        let mut groups: Vec<Vec<&Claim>> = Vec::new();
        for claim in &self.list {
            match groups.last_mut() {
                Some(group) if claim.key.starts_with(&group[0].key) => group.push(claim),
                _ => groups.push(vec![claim]),
            }
        }
        let (mut told, mut findings) = (BTreeSet::new(), Vec::new());
        for group in groups {
            if let [one, other, ..] = group[..]
                && told.insert((one.candidate, other.candidate))
            {
                findings.extend(collision(&group, one, other, candidates));
            }
        }
        findings
    }
}

/// The environments of an app with their folders.
fn places(app: &Loaded, out: Option<&Path>, alone: bool) -> Vec<(String, PathBuf, String)> {
    let environments = app.environments().into_iter();
    environments
        .map(|environment| {
            let (root, folder) = app.folder(&environment, out, alone);
            (environment, root, folder)
        })
        .collect()
}

/// The keys of roots. They lie side by side mostly: what is above them is looked up once.
#[derive(Default)]
struct Roots {
    known: BTreeMap<OsString, String>,
    above: BTreeMap<OsString, String>,
}

impl Roots {
    fn key(&mut self, root: &Path) -> &str {
        if !self.known.contains_key(root.as_os_str()) {
            let parts = root
                .parent()
                .zip(root.file_name())
                .filter(|(above, _)| !above.as_os_str().is_empty() && !disk::is_link(root));
            let key = parts.map(|(above, name)| {
                let above = self.above.entry(above.as_os_str().to_owned()).or_insert_with(|| key_of(above));
                format!("{above}{}\0", name.to_string_lossy().to_lowercase())
            });
            self.known.insert(root.as_os_str().to_owned(), key.unwrap_or_else(|| key_of(root)));
        }
        self.known.get(root.as_os_str()).map_or("", String::as_str)
    }
}

fn key_of(root: &Path) -> String {
    // A folder that is not there yet is where its name says.
    let absolute = disk::real(root).or_else(|_| std::path::absolute(root)).unwrap_or_else(|_| root.to_owned());
    let mut parts: Vec<String> = Vec::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir => {}
            part => parts.push(part.as_os_str().to_string_lossy().to_lowercase()),
        }
    }
    parts.iter().flat_map(|part| [part.as_str(), "\0"]).collect()
}

fn key_of_folder(folder: &str) -> String {
    folder.to_lowercase().split('/').filter(|part| !matches!(*part, "" | ".")).flat_map(|part| [part, "\0"]).collect()
}

fn collision(group: &[&Claim], one: &Claim, other: &Claim, candidates: &[Candidate]) -> Option<Finding> {
    let title = |claim: &Claim| format!("`{}` in {}", claim.app, claim.environment);
    let shown = |claim: &Claim| disk::name_of(&claim.root.join(&claim.folder));
    let is_one = one.key == other.key;
    let mut message = if !is_one {
        format!(
            "{} is written to {}, inside of {}, which is that of {}",
            title(other),
            shown(other),
            shown(one),
            title(one)
        )
    } else if shown(one) == shown(other) {
        format!("{} and {} are both written to {}", title(one), title(other), shown(one))
    } else {
        let both = format!("{} is written to {} and {} to {}", title(one), shown(one), title(other), shown(other));
        format!("{both}: one folder where letter case does not count")
    };
    if group.len() > 2 {
        let _ = match group.len() - 2 {
            1 => write!(message, "; one more is in the way"),
            more => write!(message, "; {more} more are in the way"),
        };
    }
    let pattern =
        |claim: &Claim| candidates[claim.candidate].shared.as_ref().map(|shared| (&shared.folder, shared.output()));
    let (lacks, help) = match (pattern(one), pattern(other)) {
        (Some(a), Some(b)) if a == b && one.candidate == other.candidate && !a.1.contains("{env}") => {
            (true, "put `{env}` into the workspace's `output`, so that each environment has a folder of its own")
        }
        (Some(a), Some(b)) if a == b && one.app != other.app && !a.1.contains("{app}") => {
            (true, "put `{app}` into the workspace's `output`, so that each app has a folder of its own")
        }
        _ if one.candidate == other.candidate => (false, "give one of the environments another name"),
        (Some(a), Some(b)) if a == b => (false, "give one of the apps another name"),
        _ => (false, "give one of them another folder: move its spec, or change the `output` of its workspace"),
    };
    let mut places: Vec<(Spot, String)> = Vec::new();
    if lacks && let Some(shared) = &candidates[one.candidate].shared {
        places.extend(shared.output_at().and_then(|at| spot(&shared.sources, at)).map(|spot| (spot, String::new())));
    }
    for claim in [other, one].into_iter().chain(group.iter().copied().skip(2).take(MOST_NAMED)) {
        let place = candidates[claim.candidate]
            .peek(false, |app| spot(&app.sources, place_of(claim, app, one.candidate == other.candidate)));
        places.extend(
            place
                .ok()
                .flatten()
                .flatten()
                .map(|spot| (spot, format!("{} is written to {}", title(claim), shown(claim)))),
        );
    }
    let mut places = places.into_iter();
    let (spot, _) = places.next()?;
    Some(Finding {
        code: &OUTPUT_TAKEN,
        level: OUTPUT_TAKEN.level,
        message,
        spot,
        also: places.collect(),
        help: Some(help.to_owned()),
        subject: None,
        refusal: None,
        mend: None,
    })
}

/// Where the spec gives a folder its name: the environment where two of one app meet, else the app.
fn place_of(claim: &Claim, app: &Loaded, is_one_app: bool) -> At {
    let own = app.spec.environments.iter().map(|layer| &layer.key);
    let shared = app.workspace().and_then(|workspace| workspace.environments.as_ref());
    let mut keys = own.chain(shared.iter().flat_map(|list| list.entries.iter().map(|(key, _)| key)));
    let environment = keys.find(|key| is_one_app && *key.name == *claim.environment).map(|key| key.at);
    let name = || app.spec.root.get("name").map_or(app.spec.at(), |name| name.at);
    environment.unwrap_or_else(name)
}

fn spot(sources: &Sources, at: At) -> Option<Spot> {
    let mut found = Diagnostics::default();
    OUTPUT_TAKEN.report("").at(at, &mut found);
    found.resolve(sources).pop().map(|finding| finding.spot)
}
