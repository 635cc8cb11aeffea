//! Who uses what of each cluster, and how much: as tables for people, as JSON for programs.

use super::rows::write_rows;
use crate::cluster::plugin::amounts::Amounts;
use crate::k8s::quantity::Quantity;
use crate::review::ledger::OF_CLASS;
use crate::review::neighbours::What;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One cluster.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    /// What it is called.
    pub name: String,
    /// What is taken of it, and by whom.
    pub taken: Vec<Taken>,
    /// What each app uses.
    pub apps: Vec<AppUse>,
    /// Its processors and memory, if its nodes are known.
    pub allocatable: Option<(Option<Quantity>, Option<Quantity>)>,
    /// Its quotas: namespace, name, limits.
    pub quotas: Vec<(String, String, Amounts)>,
}

/// One thing that is taken.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Taken {
    /// Which sort of thing.
    pub what: What,
    /// Which.
    pub thing: String,
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// The object that takes it.
    pub object: String,
}

/// What one app uses in one environment.
#[derive(Debug)]
pub(crate) struct AppUse {
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// How many pods it asks for.
    pub replicas: u64,
    /// What quotas would count, by namespace.
    pub used: BTreeMap<String, Amounts>,
}

const fn word(what: What) -> &'static str {
    match what {
        What::CloudDisk | What::Disk => "disk",
        What::NodePort => "node-port",
        What::Address => "host",
        What::Balancer => "address",
        What::Name => "name",
    }
}

impl AppUse {
    fn total(&self, name: &str) -> Quantity {
        sum(self.used.values(), name)
    }
}

impl Cluster {
    fn all(&self) -> impl Iterator<Item = &Amounts> + Clone {
        self.apps.iter().flat_map(|app| app.used.values())
    }

    fn total(&self, name: &str) -> Quantity {
        sum(self.all(), name)
    }

    /// Claims and storage by class.
    fn classes(&self) -> Vec<(String, Quantity, Quantity)> {
        let mut names: Vec<&str> =
            self.all().flat_map(BTreeMap::keys).filter_map(|name| Some(name.split_once(OF_CLASS)?.0)).collect();
        names.sort_unstable();
        names.dedup();
        let of = |class: &str, what: &str| self.total(&format!("{class}{OF_CLASS}{what}"));
        let mut list: Vec<(String, Quantity, Quantity)> = names
            .iter()
            .map(|class| ((*class).to_owned(), of(class, "persistentvolumeclaims"), of(class, "requests.storage")))
            .collect();
        let rest = |what: &str, of: &dyn Fn(&(String, Quantity, Quantity)) -> Quantity| {
            list.iter().fold(self.total(what), |left, class| left.plus(&of(class).negated()))
        };
        let claims = rest("persistentvolumeclaims", &|class| class.1.clone());
        let storage = rest("requests.storage", &|class| class.2.clone());
        if claims.sign().is_gt() {
            list.push(("-".to_owned(), claims, storage));
        }
        list
    }

    /// What is asked of each limit of each quota.
    fn limits(&self) -> Vec<(String, String, Quantity, Quantity)> {
        let mut list = Vec::new();
        for (namespace, name, hard) in &self.quotas {
            for (resource, limit) in hard {
                let used = sum(self.apps.iter().filter_map(|app| app.used.get(namespace)), resource);
                list.push((format!("{namespace}/{name}"), resource.clone(), used, limit.clone()));
            }
        }
        list
    }
}

fn sum<'a>(all: impl Iterator<Item = &'a Amounts>, name: &str) -> Quantity {
    all.filter_map(|amounts| amounts.get(name)).fold(Quantity::ZERO, |sum, amount| sum.plus(amount))
}

const CPU: &str = "requests.cpu";
const MEMORY: &str = "requests.memory";
const STORAGE: &str = "requests.storage";

/// As tables for people.
#[must_use]
pub(crate) fn table(clusters: &[Cluster]) -> String {
    let mut out = String::new();
    for (index, cluster) in clusters.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let _ = writeln!(out, "cluster {}", cluster.name);
        let mut rows = vec![["USE", "WHAT", "APP", "ENVIRONMENT", "OBJECT"].map(str::to_owned)];
        rows.extend(cluster.taken.iter().map(|taken| {
            let what = word(taken.what).to_owned();
            [what, taken.thing.clone(), taken.app.clone(), taken.environment.clone(), taken.object.clone()]
        }));
        if rows.len() > 1 {
            out.push('\n');
            write_rows(&rows, &mut out);
        }
        let mut rows = vec![["APP", "ENVIRONMENT", "REPLICAS", "CPU", "MEMORY", "STORAGE"].map(str::to_owned)];
        let row = |app: &str, environment: &str, replicas: String, of: &dyn Fn(&str) -> String| {
            [app.to_owned(), environment.to_owned(), replicas, of(CPU), of(MEMORY), of(STORAGE)]
        };
        rows.extend(
            cluster.apps.iter().map(|app| {
                row(&app.app, &app.environment, app.replicas.to_string(), &|name| app.total(name).to_string())
            }),
        );
        let replicas = cluster.apps.iter().fold(0, |sum: u64, app| sum.saturating_add(app.replicas));
        rows.push(row("total", "", replicas.to_string(), &|name| cluster.total(name).to_string()));
        if let Some((cpu, memory)) = &cluster.allocatable {
            let said = |amount: &Option<Quantity>| amount.as_ref().map_or_else(|| "-".into(), ToString::to_string);
            let known = [("allocatable", said(cpu), said(memory))];
            rows.extend(known.map(|(name, cpu, memory)| {
                [name.to_owned(), String::new(), String::new(), cpu, memory, String::new()]
            }));
        }
        out.push('\n');
        write_rows(&rows, &mut out);
        let classes = cluster.classes();
        if !classes.is_empty() {
            let mut rows = vec![["STORAGE CLASS", "CLAIMS", "STORAGE"].map(str::to_owned)];
            rows.extend(classes.into_iter().map(|(class, claims, size)| [class, claims.to_string(), size.to_string()]));
            out.push('\n');
            write_rows(&rows, &mut out);
        }
        let limits = cluster.limits();
        if !limits.is_empty() {
            let mut rows = vec![["QUOTA", "RESOURCE", "ASKED", "LIMIT"].map(str::to_owned)];
            let row = |(quota, resource, asked, limit): (String, String, Quantity, Quantity)| {
                let over = if asked.cmp(&limit).is_gt() { " (exceeded)" } else { "" };
                [quota, resource, asked.to_string(), format!("{limit}{over}")]
            };
            rows.extend(limits.into_iter().map(row));
            out.push('\n');
            write_rows(&rows, &mut out);
        }
    }
    out
}

/// As JSON for programs.
#[must_use]
pub(crate) fn json(clusters: &[Cluster]) -> String {
    #[derive(Serialize)]
    struct Shown<'a> {
        cluster: &'a str,
        uses: Vec<serde_json::Value>,
        apps: Vec<serde_json::Value>,
        total: serde_json::Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        allocatable: Option<serde_json::Value>,
        storage_classes: Vec<serde_json::Value>,
        quotas: Vec<serde_json::Value>,
    }
    let shown = |cluster: &Cluster| {
        let amounts = |replicas: u64, of: &dyn Fn(&str) -> Quantity| {
            serde_json::json!({
                "replicas": replicas,
                "cpu": of(CPU).to_string(),
                "memory": of(MEMORY).to_string(),
                "storage": of(STORAGE).to_string(),
            })
        };
        let replicas = cluster.apps.iter().fold(0, |sum: u64, app| sum.saturating_add(app.replicas));
        let uses = cluster.taken.iter().map(|taken| {
            serde_json::json!({
                "use": word(taken.what),
                "what": taken.thing,
                "app": taken.app,
                "environment": taken.environment,
                "object": taken.object,
            })
        });
        let apps = cluster.apps.iter().map(|app| {
            let mut one = amounts(app.replicas, &|name| app.total(name));
            one["app"] = app.app.clone().into();
            one["environment"] = app.environment.clone().into();
            one
        });
        let classes = cluster.classes().into_iter().map(|(class, claims, storage)| {
            let class = Some(class).filter(|class| class != "-");
            serde_json::json!({"class": class, "claims": claims.to_string(), "storage": storage.to_string()})
        });
        let quotas = cluster.limits().into_iter().map(|(quota, resource, asked, limit)| {
            let (namespace, name) = quota.split_once('/').unwrap_or_default();
            serde_json::json!({
                "namespace": namespace,
                "quota": name,
                "resource": resource,
                "asked": asked.to_string(),
                "limit": limit.to_string(),
                "exceeded": asked.cmp(&limit).is_gt(),
            })
        });
        serde_json::json!(Shown {
            cluster: &cluster.name,
            uses: uses.collect(),
            apps: apps.collect(),
            total: amounts(replicas, &|name| cluster.total(name)),
            allocatable: cluster.allocatable.as_ref().map(|(cpu, memory)| {
                let said = |amount: &Option<Quantity>| amount.as_ref().map(ToString::to_string);
                serde_json::json!({"cpu": said(cpu), "memory": said(memory)})
            }),
            storage_classes: classes.collect(),
            quotas: quotas.collect(),
        })
    };
    let list: Vec<serde_json::Value> = clusters.iter().map(shown).collect();
    let mut text = serde_json::to_string_pretty(&list).unwrap_or_default();
    text.push('\n');
    text
}
