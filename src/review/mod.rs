//! Stage 6, review: what is different between two bundles, object by object and field by field, what it will do and how
//! it is done safely. Knows no file and no app.

pub(crate) mod acknowledge;
mod barriers;
pub(crate) mod change;
mod compare;
pub mod danger;
pub(crate) mod disk;
pub mod effect;
mod effects;
pub mod fields;
pub mod holdings;
pub(crate) mod known;
pub(crate) mod ledger;
pub(crate) mod live;
pub(crate) mod mounts;
pub(crate) mod moves;
pub(crate) mod names;
pub(crate) mod neighbours;
pub mod notes;
pub mod orphans;
pub(crate) mod parity;
mod policy;
pub(crate) mod presumed;
mod reviewed;
pub mod risk;
pub mod runbook;
pub mod running;
pub(crate) mod set;
mod setting;
pub mod verdict;

pub use change::{Change, ChangeKind};
pub use reviewed::{Place, Review};
pub use setting::Setting;

use crate::api::server_side::CONFLICT;
use crate::bundle::inventory::Inventory;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::k8s::shape;
use crate::value::{Node, Text};
use compare::{Compared, compare};
use known::Sides;
use live::Ledgers;
use notes::Note;

/// Reviews a fresh bundle against the committed one.
#[must_use]
pub fn review(title: String, committed: &Bundle, fresh: &Bundle, setting: Setting<'_>) -> Review {
    let (committed, fresh) = (of_the_cluster(committed.clone()), of_the_cluster(live::manifests(fresh)));
    let (committed, fresh, ledgers) = if setting.facts.way().is_server() {
        live::beside(committed, fresh, setting.facts)
    } else {
        (committed, fresh, Ledgers::new())
    };
    let (committed, fresh) = (live::manifests(&committed), &fresh);
    let committed = &at_home(&committed, fresh, setting.namespace);
    let files = &setting.files.under(|id| {
        if fresh.get(id).is_some() { id.clone() } else { ResourceId { namespace: Text::default(), ..id.clone() } }
    });
    let setting = Setting { files, ..setting };
    let facts = setting.facts.clone().with_definitions_of([committed, fresh]);
    let setting = Setting { facts: &facts, ..setting };
    if let Some(objects) = setting.live {
        return on_what_runs(title, committed, fresh, objects, setting);
    }
    let moves = moves::moves(committed, fresh);
    let Compared { changes, stored, otherwise, taken } = compare(committed, fresh, &moves, &ledgers, setting);
    let (home, kubernetes) = (setting.namespace.to_owned(), Some(setting.version));
    let mut review = Review { title, home, kubernetes, changes, ..Review::default() };
    let fresh = &without_conflicts(fresh, committed, &review.changes);
    let sides = Sides { committed, fresh, moves: &moves, stored: &stored };
    (review.judgement, [review.before, review.after]) = verdict::judge(&mut review.changes, sides, setting);
    let way = setting.facts.way();
    let differing = otherwise.into_iter().map(|(otherwise, objects)| Note::OtherWay { way, otherwise, objects });
    review.judgement.notes.extend(differing);
    review.judgement.notes.extend(taken.into_iter().map(Note::Taken));
    review.hide_secrets_of(&[committed, fresh]);
    review
}

/// Reviews a bundle against what runs, and says what of that is otherwise than it was committed.
fn on_what_runs(
    title: String,
    committed: &Bundle,
    fresh: &Bundle,
    objects: &Inventory,
    setting: Setting<'_>,
) -> Review {
    let running::Running { now, changes, stored, live } = running::compare(committed, fresh, objects, setting);
    let (home, kubernetes) = (setting.namespace.to_owned(), Some(setting.version));
    let mut review = Review { title, home, kubernetes, changes, ..Review::default() };
    let fresh = &without_conflicts(fresh, &now, &review.changes);
    let sides = Sides { committed: &now, fresh, moves: &[], stored: &stored };
    (review.judgement, [review.before, review.after]) = verdict::judge(&mut review.changes, sides, setting);
    review.judgement.runbooks.extend(runbook::of_orphans(&live.orphans, setting));
    review.live = Some(live);
    review.hide_secrets_of(&[committed, fresh, &now]);
    review
}

/// A bundle in which objects stay as they are that cannot be applied because somebody else manages their fields.
fn without_conflicts(fresh: &Bundle, committed: &Bundle, changes: &[Change]) -> Bundle {
    let conflicts = |change: &&Change| change.refusals.iter().any(|refusal| refusal.kind == CONFLICT);
    let mut bundle = fresh.clone();
    for change in changes.iter().filter(conflicts) {
        let place = bundle.resources.iter().position(|resource| resource.id == change.id);
        if let (Some(place), Some(old)) = (place, committed.get(&change.id)) {
            bundle.resources[place].node = old.node.clone();
        }
    }
    bundle
}

/// A bundle in which objects of the whole cluster have no namespace: one that is said of them is passed over, by
/// kubectl and the server.
fn of_the_cluster(mut bundle: Bundle) -> Bundle {
    let is_wide = |resource: &&mut Resource| {
        !resource.id.namespace.is_empty()
            && shape::find(&resource.api_version, &resource.id.kind).is_some_and(|known| !known.namespaced)
    };
    for resource in bundle.resources.iter_mut().filter(is_wide) {
        resource.id.namespace = Text::default();
        if let Some(metadata) = resource.node.get_mut("metadata").and_then(Node::as_map_mut) {
            metadata.remove("namespace");
        }
    }
    bundle
}

/// The committed bundle, in which an object without a namespace has that of its twin: none said is the namespace it is
/// applied to.
fn at_home(committed: &Bundle, fresh: &Bundle, home: &str) -> Bundle {
    let after = fresh.by_id();
    let mut bundle = committed.clone();
    for resource in bundle.resources.iter_mut().filter(|resource| !after.contains_key(&resource.id)) {
        let other = match resource.id.namespace.as_str() {
            "" => home,
            said if said == home => "",
            _ => continue,
        };
        let twin = ResourceId { namespace: other.into(), ..resource.id.clone() };
        if let Some(twin) = after.get(&twin) {
            resource.id.namespace.clone_from(&twin.id.namespace);
            let said = twin.node.find(&["metadata", "namespace"]).cloned();
            if let Some(metadata) = resource.node.get_mut("metadata").and_then(Node::as_map_mut) {
                metadata.remove("namespace");
                if let Some(said) = said {
                    metadata.put("namespace", said);
                }
            }
        }
    }
    bundle
}
