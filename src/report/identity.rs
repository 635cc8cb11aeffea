//! Who the replicas of an app are, as a table, as JSON and as a graph.

use super::outage;
use super::rows::write_rows;
use crate::app::App;
use crate::app::identity::{Replica, Srv};
use crate::outage::table::Table;
use serde::Serialize;
use std::fmt::Write as _;

/// The identity map of one app in one environment.
#[derive(Debug, Serialize)]
pub(crate) struct Map {
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// Its namespace.
    pub namespace: String,
    /// The governing Service's full name.
    pub governing: String,
    /// Its SRV records.
    pub srv: Vec<Srv>,
    /// Its replicas.
    pub replicas: Vec<Replica>,
    /// What becomes of them when something fails.
    #[serde(serialize_with = "by_pod")]
    pub failures: Table,
}

fn by_pod<S: serde::Serializer>(table: &Table, to: S) -> Result<S::Ok, S::Error> {
    outage::table_json(table).serialize(to)
}

impl Map {
    /// Asks the app.
    #[must_use]
    pub(crate) fn new(app: &App, failures: Table) -> Self {
        Self {
            app: app.identity.app.to_string(),
            environment: app.environment.to_string(),
            namespace: app.identity.namespace.to_string(),
            governing: app.identity.service(&app.identity.governing),
            srv: app.srv(),
            replicas: app.replicas(),
            failures,
        }
    }
}

/// As a table for people.
#[must_use]
pub(crate) fn table(views: &[Map]) -> String {
    let mut out = String::new();
    for (index, view) in views.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let _ = writeln!(out, "{} in {}: namespace {}, {}", view.app, view.environment, view.namespace, view.governing);
        for srv in &view.srv {
            let _ = writeln!(out, "SRV {} → port {}", srv.name, srv.number);
        }
        let mut rows = vec![["#", "POD", "HOST", "CLAIM", "VOLUME", "DISK"].map(str::to_owned)];
        for replica in &view.replicas {
            let first = [replica.ordinal.to_string(), replica.pod.clone(), replica.fqdn.clone()];
            if replica.claims.is_empty() {
                let [ordinal, pod, host] = first.clone();
                rows.push([ordinal, pod, host, "-".into(), "-".into(), "-".into()]);
            }
            for (index, claim) in replica.claims.iter().enumerate() {
                let [ordinal, pod, host] = if index == 0 { first.clone() } else { Default::default() };
                let volume = claim.volume.clone().unwrap_or_else(|| "(dynamically provisioned)".into());
                rows.push([
                    ordinal,
                    pod,
                    host,
                    claim.name.clone(),
                    volume,
                    claim.disk.clone().unwrap_or_else(|| "-".into()),
                ]);
            }
        }
        write_rows(&rows, &mut out);
        let failures = outage::table(&view.failures, &view.namespace);
        if !failures.is_empty() {
            let _ = write!(out, "\n{failures}");
        }
    }
    out
}

/// As JSON for programs.
#[must_use]
pub(crate) fn json(views: &[Map]) -> String {
    let mut text = serde_json::to_string_pretty(views).unwrap_or_default();
    text.push('\n');
    text
}

/// The pods alone, as `kubectl get -o name` prints them.
#[must_use]
pub(crate) fn names(views: &[Map]) -> String {
    let mut out = String::new();
    for replica in views.iter().flat_map(|view| &view.replicas) {
        let _ = writeln!(out, "pod/{}", replica.pod);
    }
    out
}

/// As a Mermaid graph: pod to claim to volume to disk.
#[must_use]
pub(crate) fn mermaid(views: &[Map]) -> String {
    let mut out = String::from("graph LR\n");
    for (number, view) in views.iter().enumerate() {
        let _ = writeln!(out, "  subgraph g{number}[\"{} in {}\"]", view.app, view.environment);
        let _ = writeln!(out, "    s{number}([\"Service {}\"])", view.governing);
        for replica in &view.replicas {
            let pod = format!("p{number}_{}", replica.ordinal);
            let _ = writeln!(out, "    s{number} --> {pod}[\"{}\"]", replica.pod);
            for (index, claim) in replica.claims.iter().enumerate() {
                let _ = write!(out, "    {pod} --> {pod}_c{index}[\"{}\"]", claim.name);
                if let Some(volume) = &claim.volume {
                    let _ = write!(out, " --> {pod}_v{index}[(\"{volume}\")]");
                }
                if let Some(disk) = &claim.disk {
                    let _ = write!(out, " --> {pod}_d{index}[/\"{}\"/]", disk.replace('"', "'"));
                }
                out.push('\n');
            }
        }
        out.push_str("  end\n");
    }
    out
}
