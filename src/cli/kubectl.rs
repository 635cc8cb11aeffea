//! kubectl, asked to read a cluster: which kinds it serves, and their objects. It is told what to do word by word, without
//! a shell, and each command is shown before it is run; nothing is ever changed by it, and no Secret is read.

use super::output;
use crate::failure::Failure;
use std::io::Read;
use std::process::{Command, Stdio};

/// What is read, as kubectl names it: what `rbac.yaml` on the page about snapshots allows to list.
const READ: [&str; 36] = [
    "configmaps",
    "controllerrevisions.apps",
    "cronjobs.batch",
    "csidrivers.storage.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
    "daemonsets.apps",
    "deployments.apps",
    "endpointslices.discovery.k8s.io",
    "horizontalpodautoscalers.autoscaling",
    "ingressclasses.networking.k8s.io",
    "ingresses.networking.k8s.io",
    "jobs.batch",
    "limitranges",
    "mutatingadmissionpolicies.admissionregistration.k8s.io",
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "namespaces",
    "networkpolicies.networking.k8s.io",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "poddisruptionbudgets.policy",
    "pods",
    "priorityclasses.scheduling.k8s.io",
    "replicasets.apps",
    "resourcequotas",
    "runtimeclasses.node.k8s.io",
    "serviceaccounts",
    "services",
    "statefulsets.apps",
    "storageclasses.storage.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "volumeattachments.storage.k8s.io",
    "volumeattributesclasses.storage.k8s.io",
];

/// No answer is as large as this.
const LARGEST: u64 = 512 << 20;

/// The objects of a cluster that kubectl calls so, as JSON.
///
/// # Errors
/// When kubectl is missing, or cannot read anything.
pub(super) fn objects(context: &str) -> Result<String, Failure> {
    let served = run(context, &["api-resources", "--verbs=list", "-o", "name"])?.text;
    let served: Vec<&str> = served.lines().map(str::trim).collect();
    let kinds: Vec<&str> = READ.into_iter().filter(|kind| served.contains(kind)).collect();
    if kinds.is_empty() {
        return Err(Failure::new(format!("kubectl lists no kinds in the context `{context}`")));
    }
    let answer = run(context, &["get", &kinds.join(","), "-A", "-o", "json", "--show-managed-fields"])?;
    if !answer.is_whole {
        output::talk("not all of it may be read: what is missing is said below\n");
    }
    Ok(answer.text)
}

struct Answer {
    text: String,
    /// Whether kubectl was content.
    is_whole: bool,
}

fn run(context: &str, arguments: &[&str]) -> Result<Answer, Failure> {
    let said = ["kubectl", "--context", context].iter().chain(arguments).copied().collect::<Vec<_>>().join(" ");
    output::talk(&format!("$ {}\n", crate::printable::text(&said)));
    let wrong = |error: &std::io::Error| Failure::new(format!("cannot run kubectl: {error}"));
    let mut child = Command::new("kubectl")
        .arg(format!("--context={context}"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| wrong(&error))?;
    let mut text = String::new();
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(LARGEST + 1).read_to_string(&mut text),
        None => Ok(0),
    };
    let is_too_large = text.len() as u64 > LARGEST;
    if is_too_large || read.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| wrong(&error))?;
    read.map_err(|error| wrong(&error))?;
    if is_too_large {
        return Err(Failure::new(format!("what kubectl prints is larger than {} MiB", LARGEST >> 20)));
    }
    if !status.success() && text.trim().is_empty() {
        return Err(Failure::new("kubectl could not read the cluster"));
    }
    Ok(Answer { text, is_whole: status.success() })
}
