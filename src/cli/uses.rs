//! `uses`: what the apps take of each cluster, and how much of it.

use super::neighbours::Stay;
use super::output;
use super::project::{Loaded, Selection, forbids};
use super::{Exit, Result};
use crate::Compiled;
use crate::cluster::facts::ClusterFacts;
use crate::cluster::plugin::resource_quota::quotas;
use crate::diagnostic::{Diagnostics, Level};
use crate::k8s::quantity::Quantity;
use crate::report::uses::{self, AppUse, Cluster, Taken};
use crate::review::ledger;
use crate::review::neighbours::{self, What};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// List who uses what of each cluster: disks, node ports, hosts, addresses, names; and how much.
#[derive(Debug, Args)]
pub(super) struct Uses {
    #[command(flatten)]
    selection: Selection,
    /// Cluster description, instead of the workspace's: version, nodes, storage classes (YAML); or its objects, as
    /// `kubectl get nodes,sc,ns,quota -A -o yaml` prints them, or a folder of manifests.
    #[arg(long, value_name = "FILE|DIR")]
    cluster: Option<PathBuf>,
    /// Only these uses; may be given several times.
    #[arg(long = "only", value_name = "USE")]
    only: Vec<Sort>,
    /// Output format.
    #[arg(short = 'o', long, value_name = "NAME", default_value = "table")]
    format: View,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum View {
    Table,
    Json,
}

/// A sort of things that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    Disk,
    NodePort,
    Host,
    Address,
    Name,
}

impl Sort {
    const fn of(what: What) -> Self {
        match what {
            What::CloudDisk | What::Disk => Self::Disk,
            What::NodePort => Self::NodePort,
            What::Address => Self::Host,
            What::Balancer => Self::Address,
            What::Name => Self::Name,
        }
    }
}

impl Uses {
    pub(super) fn run(mut self) -> Result {
        self.selection.cluster = self.cluster.take();
        let candidates = self.selection.candidates()?;
        let (mut findings, mut clusters) = (super::compile::workspace_findings(&candidates), BTreeMap::new());
        for candidate in &candidates {
            let Some(app) = candidate.load(&mut findings)? else { continue };
            let mut found = Diagnostics::default();
            let fresh = self.selection.compile(candidate, &app, candidates.len() == 1, &mut Vec::new(), &mut found);
            for fresh in fresh {
                let stay = Stay::new(&app, &fresh.environment, &fresh.compiled);
                let cluster = clusters.entry(stay.on()).or_insert_with(|| begun(&app, &fresh.environment, &stay));
                self.add(cluster, &app, &fresh.environment, &fresh.compiled);
            }
            findings.extend(found.resolve(&app.sources));
        }
        if !forbids(&findings) {
            self.selection.all_met()?;
        }
        findings.retain(|finding| finding.level == Level::Error);
        output::findings(&findings, &output::Formats::default())?;
        let mut clusters: Vec<Cluster> = clusters.into_values().collect();
        clusters.iter_mut().for_each(|cluster| cluster.taken.sort());
        output::data(&match self.format {
            View::Table => uses::table(&clusters),
            View::Json => uses::json(&clusters),
        })?;
        Ok(if forbids(&findings) { Exit::Found } else { Exit::Fine })
    }

    fn add(&self, cluster: &mut Cluster, app: &Loaded, environment: &str, compiled: &Compiled) {
        let home = &compiled.app.identity.namespace;
        let (app, environment) = (app.spec.name.to_string(), environment.to_owned());
        for (what, thing, resource) in neighbours::uses(&compiled.bundle, home) {
            if self.only.is_empty() || self.only.contains(&Sort::of(what)) {
                let (app, environment, object) = (app.clone(), environment.clone(), resource.id.to_string());
                cluster.taken.push(Taken { what, thing, app, environment, object });
            }
        }
        let (replicas, used) = (ledger::replicas(&compiled.bundle), ledger::ledger(&compiled.bundle, home));
        cluster.apps.push(AppUse { app, environment, replicas, used });
    }
}

/// A cluster of which nothing is used yet.
fn begun(app: &Loaded, environment: &str, stay: &Stay) -> Cluster {
    let unknown = ClusterFacts::default();
    let facts = app.facts(environment).unwrap_or(&unknown);
    let allocatable = facts.nodes.as_ref().map(|nodes| {
        let total = |each: Vec<Option<i64>>| each.into_iter().try_fold(0_i64, |sum, one| sum.checked_add(one?));
        let written = |amount: String| amount.parse::<Quantity>().ok();
        let cpu = total(nodes.iter().map(|node| node.cpu).collect());
        let memory = total(nodes.iter().map(|node| node.memory).collect());
        let bytes = |bytes: i64| if bytes % 1024 == 0 { format!("{}Ki", bytes / 1024) } else { bytes.to_string() };
        (cpu.and_then(|cpu| written(format!("{cpu}m"))), memory.and_then(|memory| written(bytes(memory))))
    });
    Cluster { name: stay.on().1, allocatable, quotas: quotas(&facts.objects), ..Cluster::default() }
}
