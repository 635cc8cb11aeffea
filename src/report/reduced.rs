//! What a snapshot of a cluster lacks, and which answers are weaker for it, for a reader.

use super::counted;
use crate::cluster::snapshot::{Missing, Snapshot};
use crate::diagnostic::listing;
use std::fmt::Write as _;

/// What was kept, what was not, and what is missing.
#[must_use]
pub(crate) fn render(snapshot: &Snapshot) -> String {
    let mut text = format!("{} kept", counted(snapshot.objects.len(), "object"));
    let left: usize = snapshot.left_out.values().sum();
    if left > 0 {
        let kinds = listing(snapshot.left_out.keys().map(String::as_str), 6);
        let _ = write!(text, ", {left} left out that no rehearsal reads ({kinds})");
    }
    text.push('\n');
    if !snapshot.telling.is_empty() {
        let names: Vec<String> = snapshot.telling.iter().map(|id| format!("{} {}", id.kind, id.name)).collect();
        let _ = writeln!(
            text,
            "warning: the snapshot holds what looks like a credential, in {}: move it into a Secret, or keep the \
             snapshot out of git",
            listing(names.iter().map(String::as_str), 6)
        );
    }
    for missing in &snapshot.missing {
        let _ = writeln!(text, "missing: {}", words(missing));
    }
    text
}

fn words(missing: &Missing) -> String {
    match missing {
        Missing::Kind("Node") => {
            "nodes: every pod is assumed to schedule and every volume to attach, and no node can fail".into()
        }
        Missing::Kind("Namespace") => {
            "namespaces: any namespace is assumed to exist, and Pod Security labels are not known".into()
        }
        Missing::Kind("StorageClass") => {
            "storage classes: each that a claim names is assumed to exist, to provision volumes and to expand them"
                .into()
        }
        Missing::Kind("ServiceAccount") => "service accounts: each that a pod names is assumed to exist".into(),
        Missing::Kind(kind) => format!("{kind}: nothing is known of any"),
        Missing::Revisions => {
            "ControllerRevisions: which revision a pod has is told from the name of its hash alone".into()
        }
        Missing::Pods => {
            "pods: nodes are assumed to be empty, and which replicas run and how far a rollout is, is not known".into()
        }
        Missing::Claims => {
            "PersistentVolumeClaims: claims are assumed to have the sizes and classes of their templates".into()
        }
        Missing::Volumes(count) => {
            format!(
                "PersistentVolumes of {}: their disks, zones and reclaim policies are not known",
                counted(*count, "bound claim")
            )
        }
        Missing::Managers => {
            "managed fields: who changed what by hand, and conflicts of a server-side apply, cannot be told; dump with \
             --show-managed-fields"
                .into()
        }
        Missing::Quotas => {
            "ResourceQuotas and LimitRanges: if the cluster has some, what they refuse or fill in is not known".into()
        }
        Missing::Secrets(count) => {
            format!("Secrets: {} that pods name are assumed to exist, with every key", counted(*count, "Secret"))
        }
        Missing::Class(name) => format!("StorageClass `{name}`, which a pending claim names: nothing is known of it"),
    }
}
