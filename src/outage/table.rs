//! The replicas of sets by what may fail: which survive, wait, or lose what they have.

use super::aim::{Aim, Mishap, Part};
use super::fate::{Word, words};
use super::stage::{Presumption, Stage};
use crate::k8s::object::ObjectName;
use std::collections::BTreeMap;

/// Replicas by failures.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// A row for each replica.
    pub rows: Vec<Row>,
    /// How many replicas have none.
    pub left_out: usize,
    /// What was taken for granted.
    pub presumed: Vec<Presumption>,
}

/// A replica.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its pod.
    pub pod: ObjectName,
    /// What becomes of it when its pod, its node, its zone or one of its disks fails; `None` where it has none.
    pub words: BTreeMap<Part, Word>,
}

/// So many replicas have rows.
const MOST_ROWS: usize = 30;

/// Makes the table of a cluster. Replicas that are alike in all that matters are played once.
#[must_use]
pub fn table(stage: &Stage) -> Table {
    let replicas: Vec<&ObjectName> =
        stage.state.pods.iter().filter(|pod| pod.set().is_some()).map(|pod| &pod.name).collect();
    let mut table = Table {
        rows: replicas.iter().take(MOST_ROWS).map(|pod| Row { pod: (*pod).clone(), words: BTreeMap::new() }).collect(),
        left_out: replicas.len().saturating_sub(MOST_ROWS),
        presumed: stage.presumed.clone(),
    };
    for part in Part::ALL {
        let mut known: BTreeMap<String, Word> = BTreeMap::new();
        for mishap in stage.mishaps(&Aim::Each(part)).unwrap_or_default() {
            let open = |row: &Row| mishap.pods.contains(&row.pod) && row.words.get(&part) != Some(&Word::Loses);
            if !table.rows.iter().any(open) {
                continue;
            }
            let likeness = likeness(stage, &mishap);
            let alone = likeness.as_ref().and_then(|likeness| known.get(likeness)).copied();
            let found = match alone {
                Some(word) => mishap.pods.iter().map(|pod| (pod.clone(), word)).collect(),
                None => words(stage, &mishap),
            };
            if let (Some(likeness), [(_, word)]) = (likeness, &found.iter().collect::<Vec<_>>()[..]) {
                known.insert(likeness, **word);
            }
            for row in &mut table.rows {
                if let Some(word) = found.get(&row.pod) {
                    let worst = row.words.entry(part).or_insert(*word);
                    *worst = (*worst).max(*word);
                }
            }
        }
    }
    table
}

/// What tells the mishap of a single pod from that of another, as far as it matters: its set, and what its volumes are.
fn likeness(stage: &Stage, mishap: &Mishap) -> Option<String> {
    let [pod] = &mishap.pods[..] else { return None };
    if !matches!(mishap.part, Part::Pod | Part::Disk) {
        return None;
    }
    let set = stage.state.pods.iter().find(|other| other.name == *pod)?.set()?;
    let disks = stage.disks(pod, &mishap.nodes);
    Some(
        disks
            .iter()
            .fold(set.name.to_string(), |so_far, disk| format!("{so_far} {:?} {}", disk.form, disk.nodes.len())),
    )
}
