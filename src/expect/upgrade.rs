//! What a newer Kubernetes says otherwise of manifests that are there already: what it refuses, leaves out, fills in,
//! warns of or does, and since which version. The answers of both versions are compared, and nothing else is asked.

use super::judge::{drop_echoes, said};
use crate::api::admission::cause::Warning;
use crate::api::admission::{Answer, Stage};
use crate::api::custom::Customs;
use crate::api::defaults::dropped::Dropped;
use crate::api::way;
use crate::bundle::{Bundle, Resource};
use crate::diagnostic::{Code, Diagnostics, Level, Refusal, Report};
use crate::json;
use crate::k8s::retired::{self, Absence, Leaving};
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::parallel;
use crate::stateful_set::StatefulSet;
use crate::value::{Data, Node};
use std::collections::BTreeSet;
use std::fmt::Write as _;

macro_rules! codes {
    ($($name:ident $id:literal $word:literal $level:ident $doc:literal)*) => {
        $(#[doc = $doc]
        static $name: Code =
            Code { id: $id, name: $word, level: Level::$level, page: include_str!(concat!("pages/", $word, ".md")) };)*
        /// The codes of what a newer version says otherwise.
        pub(crate) static CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    REFUSES "SW0801" "upgrade-refuses" Error "What the newer version refuses."
    NO_KIND "SW0802" "upgrade-removes-kind" Error "A kind that the newer version does not have."
    WORKS "SW0803" "upgrade-honours-field" Warning "A field that had no effect, and has one."
    DROPS "SW0804" "upgrade-drops-field" Warning "A field that had an effect, and has none."
    FILLS "SW0805" "upgrade-changes-default" Note "A field that nobody states, and that is filled in otherwise."
    WARNS "SW0806" "upgrade-warns" Note "What the newer version warns of."
    ACCEPTS "SW0807" "upgrade-accepts" Note "What the newer version takes, and the older one does not."
    BEHAVES "SW0808" "upgrade-behaves" Note "What controllers of the newer version do otherwise."
}

/// From which version to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The version that runs.
    pub from: Version,
    /// The version that comes.
    pub to: Version,
}

impl Span {
    /// The versions that come, oldest first.
    fn coming(self) -> impl Iterator<Item = Version> {
        Version::all().filter(move |version| self.from < *version && *version <= self.to)
    }

    /// Whether this version is on the way.
    fn passes(self, version: Version) -> bool {
        self.from < version && version <= self.to
    }
}

/// What two versions say otherwise of one object.
#[derive(Debug)]
pub enum Difference {
    /// The newer one refuses it for this.
    Refused(Refusal),
    /// The newer one does not refuse it for this any more.
    Allowed(Refusal),
    /// The newer one lacks the kind.
    Gone,
    /// The older one lacks the kind.
    Came,
    /// The older one leaves the field out.
    Honoured(Dropped),
    /// The newer one leaves the field out.
    Ignored(Dropped),
    /// A field that the manifest does not state: what the older and the newer one fill in.
    Filled {
        /// Its path.
        field: String,
        /// By the older one.
        before: Option<String>,
        /// By the newer one.
        after: Option<String>,
    },
    /// The newer one warns of it.
    Warned(Warning),
    /// The older one warns of it.
    Silent(Warning),
}

impl Difference {
    /// Whether it only follows from another one: the mount of a volume that has no effect.
    const fn follows(&self) -> bool {
        matches!(self, Self::Honoured(dropped) | Self::Ignored(dropped) if dropped.follows)
    }
}

/// Compares what two versions say of one object.
#[must_use]
pub fn between(older: &Answer, newer: &Answer) -> Vec<Difference> {
    let lacks = |answer: &Answer| answer.stage == Some(Stage::NoMatch);
    match (lacks(older), lacks(newer)) {
        (true, true) => return Vec::new(),
        (false, true) => return vec![Difference::Gone],
        (true, false) => return vec![Difference::Came],
        (false, false) => {}
    }
    let (before, after) = (Said::by(older), Said::by(newer));
    let refusals = |of: &'_ Answer, other: &Said<'_>| -> Vec<Refusal> {
        of.refusals.iter().filter(|refusal| !other.causes.contains(&cause(refusal))).cloned().collect()
    };
    let mut list: Vec<Difference> = refusals(newer, &before).into_iter().map(Difference::Refused).collect();
    list.extend(refusals(older, &after).into_iter().map(Difference::Allowed));
    // What follows from a refusal, or would have come after it, is another question.
    if older.stage.is_some() || newer.stage.is_some() {
        return list;
    }
    let dropped = |of: &'_ Answer, other: &Said<'_>| -> Vec<Dropped> {
        of.dropped.iter().filter(|dropped| !other.dropped.contains(&*dropped.field)).cloned().collect()
    };
    list.extend(dropped(older, &after).into_iter().map(Difference::Honoured));
    list.extend(dropped(newer, &before).into_iter().map(Difference::Ignored));
    let warnings = |of: &'_ Answer, other: &Said<'_>| -> Vec<Warning> {
        of.warnings.iter().filter(|warning| !other.warnings.contains(&words(warning))).cloned().collect()
    };
    list.extend(warnings(newer, &before).into_iter().map(Difference::Warned));
    list.extend(warnings(older, &after).into_iter().map(Difference::Silent));
    if let (Some(one), Some(other)) = (&older.object, &newer.object) {
        filled(one, other, &mut String::new(), &mut list);
        let is_stated = |field: &str| before.drops(field) || after.drops(field);
        list.retain(|difference| !matches!(difference, Difference::Filled { field, .. } if is_stated(field)));
    }
    list
}

/// What a server said, to be looked up: an object may have any number of faults.
struct Said<'a> {
    answer: &'a Answer,
    causes: BTreeSet<(&'a str, &'static str)>,
    dropped: BTreeSet<&'a str>,
    warnings: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Said<'a> {
    fn by(answer: &'a Answer) -> Self {
        Self {
            answer,
            causes: answer.refusals.iter().map(cause).collect(),
            dropped: answer.dropped.iter().map(|dropped| &*dropped.field).collect(),
            warnings: answer.warnings.iter().map(words).collect(),
        }
    }

    /// Whether it leaves out a field, or what holds it.
    fn drops(&self, field: &str) -> bool {
        let ends = field.match_indices(['.', '[']).map(|(end, _)| end).chain([field.len()]);
        !self.dropped.is_empty() && ends.into_iter().any(|end| self.dropped.contains(&field[..end]))
    }
}

fn cause(refusal: &Refusal) -> (&str, &'static str) {
    (&refusal.field, refusal.kind)
}

fn words(warning: &Warning) -> (&str, &str) {
    (&warning.field, &warning.text)
}

/// A value on one line, cut where it is long.
fn line(value: &Node) -> String {
    const LONGEST: usize = 80;
    let text = json::from_node(value).to_string();
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

/// Where two objects that one manifest made differ. Parts are told as a whole where only one has them.
fn filled(before: &Node, after: &Node, path: &mut String, list: &mut Vec<Difference>) {
    if before.data == after.data {
        return;
    }
    let length = path.len();
    match (&before.data, &after.data) {
        (Data::Map(one), Data::Map(other)) => {
            let names: BTreeSet<&str> = one.iter().chain(other.iter()).map(|(key, _)| key.name.as_str()).collect();
            for name in names {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => filled(one, other, path, list),
                    (one, other) => list.push(Difference::Filled {
                        field: path.clone(),
                        before: one.map(line),
                        after: other.map(line),
                    }),
                }
                path.truncate(length);
            }
        }
        (Data::List(one), Data::List(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                let _ = write!(path, "[{index}]");
                filled(one, other, path, list);
                path.truncate(length);
            }
        }
        _ => {
            list.push(Difference::Filled { field: path.clone(), before: Some(line(before)), after: Some(line(after)) });
        }
    }
}

/// Says what the newer version says and does otherwise of each object of a bundle. Gives how many objects it is about.
pub fn judge(bundle: &Bundle, customs: &Customs, way: Way, span: Span, found: &mut Diagnostics) -> usize {
    let customs = customs.with(bundle.resources.iter().map(|resource| &resource.node));
    let judged = parallel::map(&bundle.resources, |resource| {
        let mut own = Diagnostics::default();
        Judge { resource, customs: &customs, way, span }.object(&mut own);
        own
    });
    let mut concerned = 0;
    for own in judged {
        concerned += usize::from(!own.is_empty());
        found.extend(own);
    }
    concerned
}

/// What is asked about: an object, how it is applied, and from which version to which.
struct Judge<'a> {
    resource: &'a Resource,
    customs: &'a Customs,
    way: Way,
    span: Span,
}

impl Judge<'_> {
    fn object(&self, found: &mut Diagnostics) {
        let (older, newer) = (self.answer(self.span.from), self.answer(self.span.to));
        let mut differences = between(&older, &newer);
        drop_echoes(&mut differences, |difference| match difference {
            Difference::Refused(refusal) => (refusal.field.as_str(), refusal.kind),
            _ => ("", ""),
        });
        // Most objects are as before: only of the others the versions between are asked as well.
        let mut answers: Vec<(Version, Answer)> = Vec::new();
        if !differences.is_empty() {
            answers.extend(
                self.span
                    .coming()
                    .take_while(|version| *version < self.span.to)
                    .map(|version| (version, self.answer(version))),
            );
            answers.push((self.span.to, newer));
        }
        let stays = differences
            .iter()
            .any(|difference| matches!(difference, Difference::Refused(_)))
            .then(|| self.stays(&older));
        let heard: Vec<(Version, Said<'_>)> =
            answers.iter().map(|(version, answer)| (*version, Said::by(answer))).collect();
        for difference in differences.into_iter().filter(|difference| !difference.follows()) {
            self.tell(difference, &heard, stays.flatten(), found);
        }
        self.leaving(found);
        self.behaviour(found);
    }

    fn answer(&self, version: Version) -> Answer {
        way::create(self.way, &self.resource.node, self.customs, version)
    }

    /// Whether the newer version takes the manifest for an object that is there from the older one's days. `None` where
    /// the older one refuses it.
    fn stays(&self, older: &Answer) -> Option<bool> {
        let (stored, manifest) = (older.object.as_ref()?, &self.resource.node);
        let (applied, conflicts) = way::apply(self.way, Some(manifest), stored, manifest, self.customs, self.span.to);
        Some(applied.answer.stage.is_none() && conflicts.is_empty())
    }

    /// The first version from which on all say the same as the newest.
    fn since(answers: &[(Version, Said<'_>)], says: impl Fn(&Said<'_>) -> bool) -> Version {
        let last = answers.len().saturating_sub(1);
        let since = answers.iter().rev().take_while(|(_, answer)| says(answer)).count();
        answers[answers.len().saturating_sub(since).min(last)].0
    }

    fn tell(
        &self,
        difference: Difference,
        answers: &[(Version, Said<'_>)],
        stays: Option<bool>,
        found: &mut Diagnostics,
    ) {
        let id = &self.resource.id;
        let at = |field: &str| self.resource.node.place_of(field);
        let whole = |field: &str| if field.is_empty() { id.to_string() } else { format!("{id}: {field}") };
        match difference {
            Difference::Refused(refusal) => {
                let since = Self::since(answers, |said| said.causes.contains(&cause(&refusal)));
                let help = match stays {
                    Some(true) => {
                        "what runs stays, and may be applied again as it is; it cannot be made anew: fix it before the upgrade"
                    }
                    Some(false) => {
                        "what runs stays, and is refused when it is applied again: fix it before the upgrade"
                    }
                    None => "Kubernetes refuses it today for another reason: fix both",
                };
                let message = format!(
                    "from Kubernetes {since} on, the API server refuses {}: {}",
                    whole(&refusal.field),
                    said(refusal.kind, &refusal.detail)
                );
                let place = at(&refusal.field);
                self.report(&REFUSES, message).help(help).refusal(refusal).at(place, found);
            }
            Difference::Allowed(refusal) => {
                let since = Self::since(answers, |said| !said.causes.contains(&cause(&refusal)));
                let message = format!(
                    "from Kubernetes {since} on, the API server no longer refuses {}: {}",
                    whole(&refusal.field),
                    said(refusal.kind, &refusal.detail)
                );
                self.report(&ACCEPTS, message).at(at(&refusal.field), found);
            }
            Difference::Gone => self.gone(found),
            Difference::Came => {
                let since = Self::since(answers, |said| said.answer.stage != Some(Stage::NoMatch));
                let message =
                    format!("from Kubernetes {since} on, there is {} of {}", id.kind, self.resource.api_version);
                self.report(&ACCEPTS, message).at(at("apiVersion"), found);
            }
            Difference::Honoured(dropped) => {
                let since = Self::since(answers, |said| !said.dropped.contains(&*dropped.field));
                let message = format!(
                    "from Kubernetes {since} on, `{}` of {id} has effect at the next apply: until then the API server \
                     drops it ({})",
                    dropped.field, dropped.gate
                );
                let help = "keep it if that is what you want; otherwise remove it before the upgrade";
                self.report(&WORKS, message).help(help).at(at(&dropped.field), found);
            }
            Difference::Ignored(dropped) => {
                let since = Self::since(answers, |said| said.dropped.contains(&*dropped.field));
                let message = format!(
                    "from Kubernetes {since} on, `{}` of {id} has no effect: the API server drops it ({})",
                    dropped.field, dropped.gate
                );
                let help = "have the gate switched on there, or remove the field";
                self.report(&DROPS, message).help(help).at(at(&dropped.field), found);
            }
            Difference::Filled { field, before, after } => {
                let has =
                    |said: &Said<'_>| said.answer.object.as_ref().and_then(|object| object.exactly(&field)).map(line);
                let since = Self::since(answers, |said| has(said) == after);
                let what = match (before, after) {
                    (None, Some(after)) => format!("fills in `{field}: {after}`"),
                    (Some(before), None) => format!("no longer fills in `{field}: {before}`"),
                    (before, after) => {
                        let [before, after] = [before, after].map(Option::unwrap_or_default);
                        format!("fills in `{field}: {after}` in place of `{before}`")
                    }
                };
                let message = format!("from Kubernetes {since} on, the API server {what} in {id}");
                self.report(&FILLS, message).at(at(&field), found);
            }
            Difference::Warned(warning) => {
                let since = Self::since(answers, |said| said.warnings.contains(&words(&warning)));
                let message = format!("from Kubernetes {since} on, the API server warns about {id}: {}", warning.text);
                self.report(&WARNS, message).at(at(&warning.field), found);
            }
            Difference::Silent(warning) => {
                let since = Self::since(answers, |said| !said.warnings.contains(&words(&warning)));
                let message =
                    format!("from Kubernetes {since} on, the API server no longer warns about {id}: {}", warning.text);
                self.report(&ACCEPTS, message).at(at(&warning.field), found);
            }
        }
    }

    fn report(&self, code: &'static Code, message: String) -> Report {
        code.report(message).about(self.resource.subject())
    }

    /// A kind that goes away on the way.
    fn gone(&self, found: &mut Diagnostics) {
        let (kind, api_version) = (&self.resource.id.kind, &self.resource.api_version);
        let absence = retired::absence(api_version, kind, self.span.to);
        let Some(Absence::Gone { since, instead }) = absence else {
            let message = format!("Kubernetes {} has no {kind} of {api_version}", self.span.to);
            return self.report(&NO_KIND, message).at(self.resource.node.place_of("apiVersion"), found);
        };
        let help = match instead {
            Some(instead) => format!(
                "write `apiVersion: {instead}` before the upgrade, and look whether its fields are the same there"
            ),
            None => "remove it before the upgrade: nothing takes its place".to_owned(),
        };
        let message = format!("from Kubernetes {since} on, there is no {kind} of {api_version}");
        self.report(&NO_KIND, message).help(help).at(self.resource.node.place_of("apiVersion"), found);
    }

    /// A kind that goes away later, which is known on the way.
    fn leaving(&self, found: &mut Diagnostics) {
        let (kind, api_version) = (&self.resource.id.kind, &self.resource.api_version);
        let known = |version| retired::leaves(api_version, kind, version);
        let (None, Some(Leaving { since, instead })) = (known(self.span.from), known(self.span.to)) else { return };
        let message = format!("{kind} of {api_version} is deprecated: it goes with Kubernetes {since}");
        let report = self.report(&WARNS, message);
        let report =
            instead.into_iter().fold(report, |report, instead| report.help(format!("write `apiVersion: {instead}`")));
        report.at(self.resource.node.place_of("apiVersion"), found);
    }

    /// What controllers do otherwise, of the objects that they do it to.
    fn behaviour(&self, found: &mut Diagnostics) {
        if self.resource.id.kind != "StatefulSet" || self.resource.api_version != "apps/v1" {
            return;
        }
        let set = StatefulSet(&self.resource.node);
        for change in BEHAVIOUR.iter().filter(|change| self.span.passes(change.since) && (change.concerns)(set)) {
            let report = self.report(&BEHAVES, format!("{}: {}", self.resource.id, change.what));
            report.help(change.help).at(self.resource.node.place_of(change.field), found);
        }
    }
}

/// What the controller of StatefulSets does otherwise from a version on.
struct Behaviour {
    since: Version,
    concerns: fn(StatefulSet<'_>) -> bool,
    /// The field that it hangs on.
    field: &'static str,
    what: &'static str,
    help: &'static str,
}

/// One line each, with what it follows.
static BEHAVIOUR: &[Behaviour] = &[
    // `newRevision` and `getPatch`, pkg/controller/statefulset, write no `creationTimestamp: null` any more; 1.34.2
    // compares what revisions mean: feature gate StatefulSetSemanticRevisionComparison.
    Behaviour {
        since: Version::minor(34),
        concerns: |set| !set.is_on_delete(),
        field: "spec.template",
        what: "Kubernetes 1.34.0 and 1.34.1 replace all pods of a StatefulSet that an older version made, once, without any \
               change of it",
        help: "upgrade to 1.34.2 or newer, which do not",
    },
    // `completeRollingUpdate`, pkg/controller/statefulset.
    Behaviour {
        since: Version::minor(37),
        concerns: |set| set.is_on_delete(),
        field: "spec.updateStrategy",
        what: "from Kubernetes 1.37 on, `status.currentRevision` becomes the new revision once all pods have it, with \
               `updateStrategy: OnDelete` too",
        help: "look at what reads that field: so far it stays the old revision for ever",
    },
];
