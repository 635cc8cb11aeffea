//! A review as a value: what differs, what it will do, who holds what. Makes no sentence.

use super::change::{Change, Verdict};
use super::fields::FieldChange;
use super::holdings::{Behind, Holding};
use super::notes::{Note, Otherwise};
use super::running::Live;
use super::verdict::Judgement;
use crate::bundle::Bundle;
use crate::diagnostic::Finding;
use crate::k8s::object::ObjectName;
use crate::k8s::version::Version;
use crate::outage::table::Table;
use crate::secret::known::Known;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One bundle against an earlier one: what differs, what it will do, and how it is done safely.
#[derive(Clone, Debug, Default)]
pub struct Review {
    /// The app and its environment, or the two folders.
    pub title: String,
    /// The namespace that goes without saying.
    pub home: String,
    /// Which environment of which app it is about, where it is about one.
    pub place: Option<Place>,
    /// The version of Kubernetes that it was judged for; nothing where no API server is asked.
    pub kubernetes: Option<Version>,
    /// The secrets of both sides, to be taken out of what is said.
    pub secrets: Arc<Known>,
    /// The objects that differ, in the order in which they are applied; removed ones last.
    pub changes: Vec<Change>,
    /// What it will do.
    pub judgement: Judgement,
    /// Who holds which disk before.
    pub before: Vec<Holding>,
    /// And afterwards.
    pub after: Vec<Holding>,
    /// What runs otherwise, where it was compared with that.
    pub live: Option<Live>,
    /// What becomes of each replica afterwards when something fails; empty where nobody asked.
    pub failures: Table,
    /// What the user is told of it, on the user's own lines: for formats that know findings only.
    pub findings: Vec<Finding>,
}

/// One environment of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The app's name.
    pub app: String,
    /// The environment's.
    pub environment: String,
}

impl Review {
    /// Whether a field of an object is why its pods are replaced: they are made from what stands there. Of sets the
    /// rehearsal says whether they are, of others what is decided of them.
    #[must_use]
    pub fn replaces_pods(&self, change: &Change, field: &FieldChange) -> bool {
        if field.path != "spec.template" && !field.path.starts_with("spec.template.") {
            return false;
        }
        if change.id.kind != "StatefulSet" {
            return matches!(change.verdict, Verdict::Restart | Verdict::Recreate);
        }
        let set = change.id.object(&self.home);
        let Some((_, moves)) = self.judgement.order.iter().find(|(name, _)| *name == set) else { return false };
        let came: BTreeSet<&ObjectName> = moves.iter().filter(|step| step.came).map(|step| &step.pod).collect();
        moves.iter().any(|step| !step.came && came.contains(&step.pod))
    }

    /// Takes the secrets of both sides out of the texts that are not made of values: what the API server says, and what
    /// disks are called. What is made into words is made without them.
    pub(super) fn hide_secrets_of(&mut self, bundles: &[&Bundle]) {
        if self.is_empty() {
            return;
        }
        let resources = bundles.iter().flat_map(|bundle| &bundle.resources);
        let known = Known::of(resources.map(|resource| &resource.node));
        for refusal in self.changes.iter_mut().flat_map(|change| &mut change.refusals) {
            refusal.detail = known.hide(&refusal.detail);
            refusal.field = known.hide(&refusal.field);
        }
        for note in &mut self.judgement.notes {
            if let Note::OtherWay { otherwise: Otherwise::Refused { field, detail, .. }, .. } = note {
                *detail = known.hide(detail);
                *field = known.hide(field);
            }
        }
        for holding in self.before.iter_mut().chain(&mut self.after) {
            if let Some(Behind::Disk(disk)) = &mut holding.disk {
                *disk = known.hide(disk);
            }
        }
        self.secrets = Arc::new(known);
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.judgement.stale.is_empty() && self.live.as_ref().is_none_or(Live::is_empty)
    }
}
