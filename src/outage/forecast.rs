//! What comes of a mishap: who is hit, who serves meanwhile, what hangs, and what brings it back.

use super::aim::{Mishap, Part};
use super::fate::{Company, Hit, Word, befall, budgets, companies, fate, find, manager};
use super::hang::{self, Hang};
use super::remedy::Remedy;
use super::stage::Stage;
use super::trial;
use crate::cluster::state::BudgetState;

/// What comes of a mishap.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// The mishap.
    pub mishap: Mishap,
    /// The pods that are hit.
    pub hits: Vec<Hit>,
    /// The workloads that have such pods, and how many of theirs stay ready.
    pub companies: Vec<Company>,
    /// Budgets about them, as they are then.
    pub budgets: Vec<BudgetState>,
    /// What does not get on until it is mended.
    pub hangs: Vec<Hang>,
    /// What can be done, the best first.
    pub remedies: Vec<Remedy>,
}

impl Forecast {
    /// The worst that befalls a pod.
    #[must_use]
    pub fn worst(&self) -> Word {
        self.hits.iter().map(|hit| hit.word(self.mishap.part)).max().unwrap_or(Word::Survives)
    }

    /// Whether data is lost, or a set of three or more is left without a majority.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        self.worst() == Word::Loses || self.companies.iter().any(|one| one.wanted > 2 && !one.has_majority())
    }
}

/// Plays a mishap.
#[must_use]
pub fn forecast(stage: &Stage, mishap: &Mishap) -> Forecast {
    let after = befall(stage, mishap);
    let hits: Vec<Hit> = mishap
        .pods
        .iter()
        .map(|pod| Hit {
            pod: pod.clone(),
            manager: manager(stage, pod),
            node: find(&stage.state, pod).and_then(|pod| pod.node.clone()),
            fate: fate(stage, mishap, &after, pod),
            disks: stage.disks(pod, &mishap.nodes),
        })
        .collect();
    let companies = companies(stage, &hits, &after);
    let budgets = budgets(stage, &hits, &after);
    let hangs = if mishap.part == Part::Pod { Vec::new() } else { hang::hangs(stage, mishap, &after, &companies) };
    let remedies = trial::remedies(stage, mishap, &after, &hits);
    Forecast { mishap: mishap.clone(), hits, companies, budgets, hangs, remedies }
}
