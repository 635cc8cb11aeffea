//! Pod Security: which of the standards a namespace holds its pods to, and what that stops or warns of. The standards
//! themselves are in `checks`. k8s.io/pod-security-admission/admission.

mod checks;

use super::Refused;
use crate::cluster::store::{Key, text};
use crate::cluster::world::World;
use crate::k8s::version::Version;
use crate::value::Node;
use std::fmt;

/// The standards, the loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// A standard, and of which version; `None` for that of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standard {
    level: Level,
    minor: Option<u8>,
}

/// What a namespace asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Policy {
    enforce: Standard,
    warn: Standard,
}

impl fmt::Display for Standard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        match self.minor {
            Some(minor) => write!(out, "{level}:v1.{minor}"),
            None => write!(out, "{level}:latest"),
        }
    }
}

/// Refuses a pod that is not of the standard which its namespace enforces.
pub(super) fn validate(world: &World, key: &Key, pod: &Node) -> Result<(), Refused> {
    let enforce = policy(world, &key.namespace).enforce;
    match violations(enforce, pod, world.version) {
        Some(why) => Err(format!("violates PodSecurity \"{enforce}\": {why}")),
        None => Ok(()),
    }
}

/// What the server warns of when it takes a pod, or what makes pods.
pub(super) fn warning(world: &World, key: &Key, object: &Node) -> Option<String> {
    let warn = policy(world, &key.namespace).warn;
    let template = match key.kind.as_str() {
        "Pod" => object,
        "PodTemplate" => object.get("template")?,
        "CronJob" => object.find(&["spec", "jobTemplate", "spec", "template"])?,
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
            object.find(&["spec", "template"])?
        }
        _ => return None,
    };
    violations(warn, template, world.version).map(|why| format!("would violate PodSecurity \"{warn}\": {why}"))
}

fn violations(standard: Standard, pod: &Node, version: Version) -> Option<String> {
    if standard.level == Level::Privileged {
        return None;
    }
    // What a server does not know yet it cannot hold pods to.
    let minor = standard.minor.map_or(version, |minor| Version::minor(minor).min(version));
    let said = checks::violations(pod, standard.level == Level::Restricted, minor);
    (!said.is_empty()).then(|| said.join(", "))
}

/// What a namespace's labels ask for: `PolicyToEvaluate`, k8s.io/pod-security-admission/api.
fn policy(world: &World, namespace: &str) -> Policy {
    let labels = world
        .store
        .get(&Key::new("Namespace", "", namespace))
        .and_then(|namespace| namespace.find(&["metadata", "labels"]));
    let label =
        |name: &str| labels.and_then(|labels| labels.get(&format!("pod-security.kubernetes.io/{name}"))?.as_str());
    let version = |name: &str| label(name).and_then(|written| written.strip_prefix("v1.")?.parse().ok());
    let level = |name: &str| label(name).map(read_level);
    let enforce = level("enforce");
    let standard = |level, minor| Standard { level, minor };
    let enforced = standard(
        enforce.map_or(Level::Privileged, |level| level.unwrap_or(Level::Restricted)),
        version("enforce-version"),
    );
    let mut warn = standard(level("warn").flatten().unwrap_or(Level::Privileged), version("warn-version"));
    if level("warn").is_none() && enforce.is_some_and(|level| level.is_some()) && enforced.level > warn.level {
        warn.level = enforced.level;
        if label("warn-version").is_none() {
            warn.minor = enforced.minor;
        }
    }
    Policy { enforce: enforced, warn }
}

fn read_level(written: &str) -> Option<Level> {
    match written {
        "privileged" => Some(Level::Privileged),
        "baseline" => Some(Level::Baseline),
        "restricted" => Some(Level::Restricted),
        _ => None,
    }
}

/// What a namespace's labels may not say: `ValidateNamespace`. Gives each label and what it must be.
pub(super) fn faults(namespace: &Node) -> Vec<(String, &'static str)> {
    let labels = namespace.find(&["metadata", "labels"]);
    let mut faults = Vec::new();
    for mode in ["enforce", "audit", "warn"] {
        let label = |suffix: &str| {
            let name = format!("pod-security.kubernetes.io/{mode}{suffix}");
            labels
                .map(|labels| text(labels, &[name.as_str()]).to_owned())
                .filter(|written| !written.is_empty())
                .map(|written| (name, written))
        };
        if let Some((name, written)) = label("")
            && read_level(&written).is_none()
        {
            faults.push((name, "must be one of privileged, baseline, restricted"));
        }
        if let Some((name, written)) = label("-version")
            && written != "latest"
            && written
                .strip_prefix("v1.")
                .is_none_or(|minor| minor.parse::<u32>().is_err() || (minor.len() > 1 && minor.starts_with('0')))
        {
            faults.push((name, "must be \"latest\" or \"v1.x\""));
        }
    }
    faults
}

/// Whether a namespace has labels that can stop a pod or warn of one.
#[must_use]
pub(super) fn is_asked_for(namespace: &Node) -> bool {
    let labels = namespace.find(&["metadata", "labels"]).into_iter().flat_map(Node::entries);
    labels
        .into_iter()
        .any(|(key, value)| key.name.starts_with("pod-security.kubernetes.io/") && value.as_str() != Some("privileged"))
}
