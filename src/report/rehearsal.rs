//! A rehearsal for a person, and for programs: what each step did, and what the cluster is then. Decides nothing.

use super::{clean, gaps, record};
use crate::cluster::kubectl::{Act, Done};
use crate::cluster::rehearse::{Outcome, Rehearsal};
use crate::cluster::state::{
    self, ClaimPhase, ClaimState, PodPhase, PodState, State, Tie, VolumePhase, VolumeState, Why,
};
use crate::cluster::world::Cause;
use crate::k8s::object::ObjectName;
use crate::k8s::quantity::Quantity;
use std::fmt::Write as _;

const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const GREEN: &str = "\u{1b}[32m";
const BOLD: &str = "\u{1b}[1m";
const FAINT: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// The rehearsal for a person. `titles` name the steps; colours are for terminals.
#[must_use]
pub fn render(rehearsal: &Rehearsal, titles: &[String], colours: bool) -> String {
    let mut page = Page { out: String::new(), colours };
    for (number, outcome) in rehearsal.steps.iter().enumerate() {
        let title = titles.get(number).map(|title| format!(": {title}")).unwrap_or_default();
        page.line(BOLD, &format!("Step {}{}", number + 1, clean(&title)));
        page.step(outcome, &rehearsal.namespace);
        page.out.push('\n');
    }
    for what in &rehearsal.not_known {
        page.line(FAINT, &format!("Not known: {}.", clean(&gaps::words(what))));
    }
    page.out
}

/// The rehearsal as JSON: steps as scenario records show them.
#[must_use]
pub fn json(rehearsal: &Rehearsal) -> String {
    let step = |outcome: &Outcome| {
        let mut step = serde_json::json!({
            "results": record::results(outcome, &rehearsal.namespace),
            "state": record::state(&outcome.state, &rehearsal.namespace),
        });
        if !outcome.settled {
            step["unsettled"] = true.into();
        }
        step
    };
    let whole = serde_json::json!({
        "namespace": rehearsal.namespace,
        "steps": rehearsal.steps.iter().map(step).collect::<Vec<_>>(),
        "notKnown": rehearsal.not_known.iter().map(gaps::words).collect::<Vec<_>>(),
    });
    crate::printable::json(&format!("{whole:#}\n"))
}

struct Page {
    out: String,
    colours: bool,
}

/// A cell of a table: its text, and its colour if it has one.
type Cell = (String, &'static str);

fn plain(text: impl Into<String>) -> Cell {
    (text.into(), "")
}

impl Page {
    fn line(&mut self, colour: &str, text: &str) {
        self.painted(colour, text);
        self.out.push('\n');
    }

    fn painted(&mut self, colour: &str, text: &str) {
        if self.colours && !colour.is_empty() && !text.is_empty() {
            let _ = write!(self.out, "{colour}{text}{PLAIN}");
        } else {
            self.out.push_str(text);
        }
    }

    fn step(&mut self, outcome: &Outcome, home: &str) {
        self.acts(&outcome.acts, home);
        let State { statefulsets, pods, claims, volumes, endpoints, changes, order, events, fleet: _ } = &outcome.state;
        let seen = |name: &ObjectName| clean(&name.seen_from(home).to_string());
        for (set, moves) in order {
            let moves: Vec<String> = moves.iter().map(|one| clean(&record::sign(one))).collect();
            self.line("", &format!("  {} {}", seen(set), moves.join(" ")));
        }
        let sets = statefulsets.iter().map(|set| set_row(set, home)).collect();
        self.table(&["STATEFULSET", "READY", "REVISION", ""], sets);
        self.table(
            &["POD", "STATE", "REVISION", "CLAIMS", "WHY"],
            pods.iter().map(|pod| pod_row(pod, &changes.pods, home)).collect(),
        );
        self.table(
            &["CLAIM", "STATE", "VOLUME", "CLASS", "SIZE", "WHY"],
            claims.iter().map(|claim| claim_row(claim, &changes.claims, home)).collect(),
        );
        self.table(
            &["VOLUME", "STATE", "CLAIM", "CLASS", "SIZE", "RECLAIM"],
            volumes.iter().map(|volume| volume_row(volume, home)).collect(),
        );
        let names = endpoints.iter().map(|(service, list)| names_row(service, list, home)).collect();
        self.table(&["SERVICE", "READY", "NAMES OF THEIR OWN"], names);
        for (kind, change) in [("claim", &changes.claims), ("volume", &changes.volumes)] {
            for (what, list, colour) in
                [("is gone", &change.removed, YELLOW), ("is another one than before", &change.replaced, YELLOW)]
            {
                for name in list {
                    self.line(colour, &format!("  {kind} {} {what}", seen(name)));
                }
            }
        }
        for event in events {
            let message = clean(&event.message);
            self.line(YELLOW, &format!("  warning: {} {}: {}: {message}", event.kind, seen(&event.name), event.reason));
        }
        if !outcome.settled {
            self.line(RED, "  the cluster did not come to rest");
        }
    }

    fn acts(&mut self, acts: &[Done], home: &str) {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for done in acts {
            let word = if done.is_idle { Act::Unchanged.word() } else { done.act.word() };
            match counts.iter_mut().find(|(other, _)| *other == word) {
                Some((_, count)) => *count += 1,
                None => counts.push((word, 1)),
            }
        }
        let mut counts: Vec<String> = counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
        let idle = acts.iter().filter(|done| done.is_idle).count();
        if idle > 0
            && let Some(last) = counts.iter_mut().find(|count| count.ends_with(Act::Unchanged.word()))
        {
            *last = format!("{last} (kubectl calls {idle} of them configured)");
        }
        self.line(
            "",
            &format!("  {}", if counts.is_empty() { "nothing to apply".to_owned() } else { counts.join(", ") }),
        );
        for done in acts {
            let namespace = if done.key.namespace.is_empty() || done.key.namespace == home {
                String::new()
            } else {
                format!("{}/", done.key.namespace)
            };
            let name = clean(&format!("{} {namespace}{}", done.key.kind, done.key.name));
            match &done.act {
                Act::Rejected(rejection) => {
                    self.painted(RED, &format!("  refused   {name}"));
                    self.out.push('\n');
                    self.line(
                        "",
                        &format!("            {}", clean(&rejection.message).replace('\n', "\n            ")),
                    );
                }
                Act::Unchanged => {}
                Act::Configured if done.is_idle => {}
                change => self.line(
                    if matches!(change, Act::Pruned | Act::Deleted) { YELLOW } else { "" },
                    &format!("  {:<10} {name}", change.word()),
                ),
            }
        }
    }

    fn table(&mut self, head: &[&str], rows: Vec<Vec<Cell>>) {
        if rows.is_empty() {
            return;
        }
        let mut widths: Vec<usize> = head.iter().map(|cell| cell.len()).collect();
        for row in &rows {
            for (width, (text, _)) in widths.iter_mut().zip(row) {
                *width = (*width).max(text.chars().count());
            }
        }
        self.out.push('\n');
        self.row(&head.iter().map(|cell| (String::from(*cell), FAINT)).collect::<Vec<_>>(), &widths);
        for row in rows {
            self.row(&row, &widths);
        }
    }

    fn row(&mut self, cells: &[Cell], widths: &[usize]) {
        let used = cells.iter().rposition(|(text, _)| !text.is_empty()).map_or(0, |last| last + 1);
        for (index, ((text, colour), width)) in cells.iter().zip(widths).take(used).enumerate() {
            self.out.push_str("  ");
            self.painted(colour, text);
            if index + 1 < used {
                let _ = write!(self.out, "{:1$}", "", width - text.chars().count());
            }
        }
        self.out.push('\n');
    }
}

fn state_of(word: &str, good: bool) -> Cell {
    (word.to_lowercase(), if good { GREEN } else { YELLOW })
}

fn set_row(set: &state::SetState, home: &str) -> Vec<Cell> {
    let wanted = set.spec.unwrap_or(1);
    let number = |revision: Option<i64>| revision.map(|number| number.to_string()).unwrap_or_default();
    let revisions = if set.current_revision == set.update_revision {
        number(set.update_revision)
    } else {
        format!("{} to {}", number(set.current_revision), number(set.update_revision))
    };
    let waits = if set.ready < wanted { "waits" } else { "" };
    vec![
        seen(&set.name, home),
        (format!("{}/{wanted}", set.ready), if set.ready == wanted { GREEN } else { YELLOW }),
        plain(revisions),
        plain(waits),
    ]
}

/// A name as it is called in the namespace of the rehearsal.
fn seen(name: &ObjectName, home: &str) -> Cell {
    plain(clean(&name.seen_from(home).to_string()))
}

fn pod_row(pod: &PodState, change: &state::Difference, home: &str) -> Vec<Cell> {
    let state = match (pod.terminating, pod.scheduled, pod.phase, pod.ready) {
        (true, ..) => "does not end",
        (_, false, ..) => "has no place",
        (_, _, PodPhase::Running, true) => "ready",
        (_, _, PodPhase::Running, false) => "not ready",
        (_, _, PodPhase::Pending, _) => "does not start",
        (_, _, other, _) => other.word(),
    };
    let restarted = if change.replaced.contains(&pod.name) { " (restarted)" } else { "" };
    let is_good = pod.ready && !pod.terminating;
    vec![
        seen(&pod.name, home),
        (format!("{}{restarted}", state.to_lowercase()), if is_good { GREEN } else { YELLOW }),
        plain(pod.revision.map(|number| number.to_string()).unwrap_or_default()),
        plain(clean(&pod.claims.join(" "))),
        plain(pod.why.as_ref().map(said).unwrap_or_default()),
    ]
}

fn claim_row(claim: &ClaimState, change: &state::Difference, home: &str) -> Vec<Cell> {
    let state = if claim.terminating { "is deleted once unused" } else { claim.phase.word() };
    let anew = if change.replaced.contains(&claim.name) { " (recreated)" } else { "" };
    vec![
        seen(&claim.name, home),
        state_of(&format!("{state}{anew}"), claim.phase == ClaimPhase::Bound && !claim.terminating),
        plain(clean(claim.volume.as_deref().unwrap_or("-"))),
        plain(class(claim.class.as_deref().unwrap_or_default())),
        plain(amount(claim.requested.as_ref())),
        plain(claim.why.as_ref().map(said).unwrap_or_default()),
    ]
}

fn volume_row(volume: &VolumeState, home: &str) -> Vec<Cell> {
    let partner = volume.claim_ref.as_ref().map_or_else(
        || "-".to_owned(),
        |claim| {
            let other = claim.namespace.as_deref().filter(|namespace| *namespace != home);
            let namespace = other.map(|namespace| format!("{namespace}/")).unwrap_or_default();
            let note = match claim.tie {
                Some(Tie::Stale) => " (an earlier one)",
                None => " (reserved)",
                Some(Tie::Live) => "",
            };
            format!("{namespace}{}{note}", claim.name.as_deref().unwrap_or_default())
        },
    );
    let is_good = !volume.terminating && matches!(volume.phase, VolumePhase::Bound | VolumePhase::Available);
    let state = if volume.terminating { "is deleted once free" } else { volume.phase.word() };
    vec![
        plain(clean(&volume.name)),
        state_of(state, is_good),
        plain(clean(&partner)),
        plain(class(&volume.class)),
        plain(amount(volume.capacity.as_ref())),
        plain(volume.reclaim.to_lowercase()),
    ]
}

fn amount(quantity: Option<&Quantity>) -> String {
    quantity.map(Quantity::to_string).unwrap_or_default()
}

fn class(class: &str) -> String {
    if class.is_empty() { "-".to_owned() } else { clean(class) }
}

fn names_row(service: &ObjectName, endpoints: &[state::EndpointState], home: &str) -> Vec<Cell> {
    let ready = endpoints.iter().filter(|endpoint| endpoint.ready).count();
    let is_at_home = service.namespace == home;
    let domain = if is_at_home { service.name.to_string() } else { format!("{}.{}", service.name, service.namespace) };
    let own = endpoints.iter().filter_map(|endpoint| endpoint.hostname.as_ref());
    let names: Vec<String> = own.map(|name| clean(&format!("{name}.{domain}"))).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(" ") };
    vec![
        seen(service, home),
        (format!("{ready}/{}", endpoints.len()), if ready == endpoints.len() { GREEN } else { YELLOW }),
        plain(names),
    ]
}

/// What was said, without the scheduler's remarks on preemption.
fn said(why: &Why) -> String {
    if why.cause == Cause::ClaimsPending {
        return "waits for its claims".to_owned();
    }
    let message = why.short.clone().or_else(|| record::message(why)).unwrap_or_default();
    clean(message.trim_end_matches('.')).replace('\n', " ")
}
