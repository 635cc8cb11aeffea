//! `diff`: what would be compiled against what is committed; or two folders of anyone's manifests.

use super::affected::{Apps, Since};
use super::claims::Claims;
use super::committed::{Committed, Earlier};
use super::definitions;
use super::dump::Live;
use super::left_over;
use super::neighbours::{Index, Stay};
use super::output;
use super::project::{Candidate, Fresh, Loaded, Selection, forbids, in_order};
use super::record::Record;
use super::{Exit, Result};
use crate::Compiled;
use crate::allow;
use crate::block::Read as _;
use crate::bundle::inventory::Inventory;
use crate::bundle::{Bundle, ResourceId};
use crate::cluster::facts::ClusterFacts;
use crate::diagnostic::{Diagnostics, Finding, Level};
use crate::disk::{self, Reach};
use crate::expect::judge::{self, UNJUDGED};
use crate::expect::outlook::DENIED;
use crate::failure::Failure;
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::layout;
use crate::report::{Against, Format, Report};
use crate::review::acknowledge;
use crate::review::runbook::files::Files;
use crate::review::verdict::Verdict;
use crate::review::{Change, ChangeKind, Place, Review, Setting};
use crate::source::{At, Sources};
use crate::spec::settings::Acknowledge;
use crate::spec::workspace::Workspace;
use crate::value::Node;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Compare what would be compiled with what is committed; or two folders of manifests.
#[derive(Debug, Default, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Compare with what this git revision has committed, not with the files as they are.
    #[arg(long, value_name = "REV")]
    pub(super) against: Option<String>,
    /// Cluster description, instead of the workspace's: version, nodes, storage classes (YAML); or its objects, as
    /// `kubectl get nodes,sc,ns,quota -A -o yaml` prints them, or a folder of manifests.
    #[arg(long, value_name = "FILE|DIR")]
    pub(super) cluster: Option<PathBuf>,
    /// Write the steps for what cannot just be applied as a script, which goes on where it was stopped.
    #[arg(long, value_name = "FILE")]
    pub(super) runbook: Option<PathBuf>,
    #[command(flatten)]
    pub(super) live: Live,
    #[command(flatten)]
    pub(super) since: Since,
    #[command(flatten)]
    pub(super) formats: output::Formats,
}

impl Diff {
    pub(super) fn run(mut self) -> Result {
        if let Some(file) = self.runbook.take() {
            self.formats.write_beside(Format::Script, file);
        }
        self.formats.ready(None)?;
        self.selection.cluster = self.cluster.take();
        self.selection.live = self.live.read(&self.selection.reach)?.map(Arc::new);
        self.since.ready(self.selection.live.is_some())?;
        // What a revision is named for is specs: a list of them comes from git then.
        let is_specs = |path: &PathBuf| Ok(self.since.revision.is_some() || holds_specs(&self.selection.reach, path)?);
        let specs: Vec<bool> =
            self.selection.paths.iter().map(is_specs).collect::<std::result::Result<_, Failure>>()?;
        let files_or_revision = || self.against.clone().map_or(Against::Files, Against::Revision);
        let ((reviews, findings), against) = match (&self.selection.paths[..], &specs[..]) {
            ([_, _], [false, false]) if self.selection.live.is_some() => {
                return Err(Failure::new("what runs is compared with specs: name apps, not two folders of manifests"));
            }
            ([old, new], [false, false]) => (self.manifests(old, new)?, Against::Named),
            _ if self.selection.live.is_some() => (self.specs()?, Against::Live),
            ([_, _], [true, false] | [false, true]) => {
                let message = "one of the two paths holds specs and the other does not. Compare two folders of \
                    manifests, or name apps only";
                return Err(Failure::new(message));
            }
            _ => (self.specs()?, files_or_revision()),
        };
        let findings = concerned(findings, &reviews);
        let outcome = if reviews.iter().any(|review| review.judgement.verdict == Verdict::AtRisk) {
            Exit::AtRisk
        } else if !reviews.is_empty() || forbids(&findings) {
            Exit::Found
        } else {
            Exit::Fine
        };
        output::review(Report::compared(against, findings, reviews), &self.formats)?;
        Ok(outcome)
    }

    fn specs(&self) -> std::result::Result<(Vec<Review>, Vec<Finding>), Failure> {
        let apps = Apps::new(&self.selection, &self.since)?;
        let candidates = &apps.candidates;
        let mut findings: Vec<Finding> = super::compile::workspace_findings(candidates);
        let (mut all, mut owned, mut failure) = (Vec::new(), BTreeSet::new(), None);
        let mut unfinished = BTreeSet::new();
        let alone = candidates.len() == 1;
        let claims = Claims::new(candidates, &apps.records, None);
        let collisions = claims.collisions(candidates);
        if !collisions.is_empty() {
            findings.extend(collisions);
            return Ok((Vec::new(), findings));
        }
        let committed = Committed::new(self.against.as_deref(), &self.selection, &apps)?;
        let (mut index, mut number) = (Index::default(), 0);
        let mut names = BTreeSet::new();
        in_order(
            candidates,
            "comparing",
            |number, candidate| match &apps.records[number] {
                Some(record) => Ok(Reviewed::passed_over(record, candidate, &self.selection)),
                None => self.app(candidate, alone, &committed, &claims),
            },
            |result| {
                match result {
                    Ok(app) => {
                        index.add(number, app.stays);
                        names.extend(app.name);
                        all.extend(app.reviews);
                        findings.extend(app.findings);
                        owned.extend(app.owned);
                        unfinished.extend(app.unfinished);
                    }
                    Err(error) => failure = failure.take().or(Some(error)),
                }
                number += 1;
            },
        );
        if let Some(failure) = failure {
            return Err(failure);
        }
        if !forbids(&findings) {
            self.selection.all_met()?;
        }
        if let Some(live) = &self.selection.live {
            strangers(&live.inventory, &names);
        }
        findings.retain(|finding| finding.level == Level::Error || finding.code.id == UNJUDGED.id);
        // An app that cannot be compiled still owns what it once was.
        if self.selection.environments.is_empty() && !forbids(&findings) {
            for folder in committed.without_spec(&self.selection, &apps, &owned)? {
                let (reviews, unreadable) = self.without_spec(&committed, &folder, candidates)?;
                all.extend(reviews);
                findings.extend(unreadable);
            }
            unfinished.extend(apps.strays(&self.selection, &owned)?.unfinished);
        }
        findings.extend(
            index.findings(candidates, &self.selection).into_iter().filter(|finding| finding.level == Level::Error),
        );
        for (root, folder) in unfinished {
            let path = disk::name_of(&root.join(disk::unfinished_beside(&folder)));
            output::talk(&format!("{path} was left by a run that was cut short; `statewright compile` removes it\n"));
        }
        Ok((all, findings))
    }

    /// Compiles one app and reviews it.
    fn app(
        &self,
        candidate: &Candidate,
        alone: bool,
        committed: &Committed,
        claims: &Claims,
    ) -> std::result::Result<Reviewed, Failure> {
        let mut done = Reviewed::default();
        let Some(app) = candidate.load(&mut done.findings)? else { return Ok(done) };
        done.name = Some(app.spec.name.to_string());
        let mut found = Diagnostics::default();
        let fresh = self.selection.compile(candidate, &app, alone, &mut done.owned, &mut found);
        done.stays = fresh.iter().map(|fresh| Stay::new(&app, &fresh.environment, &fresh.compiled)).collect();
        // Of a spec that was misread, no word about its manifests is worth anything.
        if !forbids(&done.findings) {
            let (reviews, unreadable) = self.review(&app, fresh, committed, claims, &mut done.owned)?;
            done.reviews = reviews;
            done.findings.extend(unreadable);
        }
        let mut found = found.resolve(&app.sources);
        not_reviewed(&mut found, &done.reviews);
        done.findings.extend(found);
        let (root, pattern) = app.folder("*", None, true);
        let beside = disk::strays(&root, &pattern, &BTreeSet::new())?.unfinished;
        done.unfinished.extend(beside.into_iter().map(|folder| (root.clone(), folder)));
        Ok(done)
    }

    /// Reviews one app in all its environments, those too that it does not have any more; `owned` are the folders of
    /// those it has. What is committed and cannot be read is reported, and not compared.
    pub(super) fn review(
        &self,
        app: &Loaded,
        fresh: Vec<Fresh>,
        committed: &Committed,
        claims: &Claims,
        owned: &mut Vec<left_over::Place>,
    ) -> std::result::Result<(Vec<Review>, Vec<Finding>), Failure> {
        let current = owned.iter().map(|(_, folder)| folder.clone()).collect();
        let stale =
            if self.selection.environments.is_empty() { committed.stale(app, &current, claims)? } else { Vec::new() };
        let mut gone: Vec<PathBuf> = stale.iter().map(|(root, folder)| root.join(folder)).collect();
        owned.extend(stale);
        let mut earlier: Vec<Earlier> = Vec::new();
        let is_new = |earlier: &Earlier| earlier.bundle.resources.is_empty() && earlier.unreadable.is_empty();
        let mut moved: BTreeMap<usize, PathBuf> = BTreeMap::new();
        for (index, Fresh { root, compiled, tree, environment }) in fresh.iter().enumerate() {
            let mut here = committed.bundle(&root.join(&tree.folder), Some((&compiled.bundle, tree)))?;
            if is_new(&here)
                && let Some((there, folder)) = committed.before_workspace(app, environment)?
            {
                here = there;
                moved.insert(index, folder);
            }
            earlier.push(here);
        }
        // One environment came and one went: it has another name.
        let came: Vec<usize> = (0..fresh.len()).filter(|index| is_new(&earlier[*index])).collect();
        let renamed = match (&came[..], &gone[..]) {
            ([index], [_]) => Some((*index, gone.remove(0))),
            _ => None,
        };
        let (mut pending, mut unreadable) = (Vec::new(), Vec::new());
        let several = fresh.len() > 1;
        for (index, (Fresh { environment, compiled, .. }, mut earlier)) in fresh.into_iter().zip(earlier).enumerate() {
            if several && app.live().is_some_and(|live| !runs(&compiled, &earlier.bundle, live)) {
                output::talk(&format!(
                    "{} in {environment}: nothing of it runs there; it is left out\n",
                    app.spec.name
                ));
                continue;
            }
            let mut title = format!("{} in {environment}", app.spec.name);
            if let Some((_, folder)) = renamed.as_ref().filter(|(came, _)| *came == index) {
                earlier = committed.bundle(folder, None)?;
                title = format!("{title}, which was {}", committed.title(folder)?);
            }
            if let Some(folder) = moved.get(&index) {
                title = format!("{title}, which was in {}", disk::name_of(folder));
            }
            if earlier.unreadable.is_empty() {
                pending.push(reviewed(app, title, &compiled, &earlier.bundle, &environment, &self.formats));
            }
            unreadable.extend(earlier.unreadable);
        }
        let own = app.spec.root.get("acknowledge");
        for folder in gone {
            let home = app.spec.at();
            let (gone, wrong) = self.gone(committed, &folder, acknowledged(own, app.workspace()), home)?;
            pending.extend(gone);
            unreadable.extend(wrong);
        }
        Ok((settled(pending, &app.sources), unreadable))
    }

    /// Reviews the end of all that a folder held.
    fn gone(
        &self,
        committed: &Committed,
        folder: &Path,
        acknowledged: Vec<(String, At)>,
        home: At,
    ) -> std::result::Result<(Option<Pending>, Vec<Finding>), Failure> {
        let (version, title) = (self.version()?, committed.title(folder)?);
        let (Earlier { bundle: earlier, unreadable }, mut said) =
            (committed.bundle(folder, None)?, Diagnostics::default());
        if !unreadable.is_empty() {
            return Ok((None, unreadable));
        }
        let facts = ClusterFacts::of_version(version).applied(self.selection.apply.map(Way::from));
        let namespace =
            earlier.resources.iter().map(|resource| &*resource.id.namespace).find(|namespace| !namespace.is_empty());
        let namespace = namespace.unwrap_or("default").to_owned();
        let files = Files::default();
        let setting = Setting {
            version,
            facts: &facts,
            namespace: &namespace,
            acknowledged: &acknowledged,
            home: Some(home),
            files: &files,
            live: self.selection.live.as_ref().map(|live| &live.inventory),
        };
        let review = crate::review(title, &earlier, &Bundle::default(), setting, &mut said);
        Ok((Some(Pending { review, acknowledged, said }), Vec::new()))
    }

    /// Reviews the end of an app whose spec is gone: only the workspace can still say that it is meant.
    pub(super) fn without_spec(
        &self,
        committed: &Committed,
        folder: &Path,
        candidates: &[Candidate],
    ) -> std::result::Result<(Vec<Review>, Vec<Finding>), Failure> {
        let shared = left_over::workspaces(candidates).into_iter().find(|shared| {
            let absolute = disk::real(&shared.folder);
            folder.starts_with(&shared.folder) || absolute.is_ok_and(|absolute| folder.starts_with(absolute))
        });
        let mut sources = shared.map(|shared| shared.sources.clone()).unwrap_or_default();
        let place = At::top(sources.add(disk::name_of(folder), ""));
        let said = acknowledged(None, shared.and_then(|shared| shared.workspace.as_ref()));
        let (mut pending, unreadable) = self.gone(committed, folder, said, place)?;
        // What the workspace says is about all apps: it is not stale because it is about another one.
        pending.iter_mut().for_each(|pending| pending.acknowledged.clear());
        Ok((settled(pending.into_iter().collect(), &sources), unreadable))
    }

    fn version(&self) -> std::result::Result<Version, Failure> {
        self.selection.kubernetes.as_deref().map_or(Ok(Version::default()), str::parse).map_err(Failure::new)
    }

    fn manifests(&self, old: &Path, new: &Path) -> std::result::Result<(Vec<Review>, Vec<Finding>), Failure> {
        let version = self.version()?;
        let (mut sources, mut wrong) = (Sources::default(), Diagnostics::default());
        let before = read(&self.selection.reach, old, &mut sources, &mut Diagnostics::default())?;
        let after = read(&self.selection.reach, new, &mut sources, &mut wrong)?;
        let customs = definitions::around(
            &self.selection.reach,
            &self.selection.definitions,
            &[new.to_owned(), old.to_owned()],
            &mut sources,
            &mut wrong,
        )?;
        let told = self.selection.told()?;
        let (told, broken) = told.map_or_else(Default::default, |told| (told.facts, told.broken));
        let version = if self.selection.kubernetes.is_some() { version } else { told.kubernetes.unwrap_or(version) };
        let customs = customs.and(&told.customs);
        let facts = told.with_version(version).with_customs(customs).applied(self.selection.apply.map(Way::from));
        let known = facts.clone().with_definitions_of([&before, &after]).customs;
        judge::unjudged(&after.resources, &known, &mut wrong);
        let files = after
            .resources
            .iter()
            .map(|resource| (resource.id.clone(), sources.get(resource.at().source).name.clone()))
            .collect();
        let setting = Setting { files: &files, version, ..Setting::on(&facts) };
        let title = format!("{} against {}", old.display(), new.display());
        let mut said = Diagnostics::default();
        let mut review = crate::review(title, &before, &after, setting, &mut said);
        review.findings = said.resolve(&sources);
        if self.formats.has(Format::Html) && !review.is_empty() {
            review.failures = super::inspect::failures(&after, &facts, &review.home);
        }
        let reviews = if review.is_empty() { Vec::new() } else { vec![review] };
        Ok((reviews, [broken, wrong.resolve(&sources)].concat()))
    }
}

/// The findings without those on what stands in the way of objects of which the reviews say it.
pub(super) fn not_reviewed(findings: &mut Vec<Finding>, reviews: &[Review]) {
    let is_barred = |change: &&Change| change.barrier.is_some();
    let said: BTreeSet<(&str, &str)> = reviews
        .iter()
        .flat_map(|review| review.changes.iter().filter(is_barred))
        .map(|change| (change.id.kind.as_str(), change.id.name.as_str()))
        .collect();
    findings.retain(|finding| {
        let subject = finding.subject.as_ref().map(|subject| (subject.kind.as_str(), subject.name.as_str()));
        finding.code.id != DENIED.id || !subject.is_some_and(|subject| said.contains(&subject))
    });
}

/// The findings without notes on custom kinds of which nothing changes.
fn concerned(mut findings: Vec<Finding>, reviews: &[Review]) -> Vec<Finding> {
    let changed: BTreeSet<&str> = reviews
        .iter()
        .flat_map(|review| &review.changes)
        .filter(|change| change.kind != ChangeKind::Removed)
        .map(|change| change.id.kind.as_str())
        .collect();
    let kind = |finding: &Finding| finding.subject.as_ref().map(|subject| subject.kind.clone()).unwrap_or_default();
    findings.retain(|finding| finding.code.id != UNJUDGED.id || changed.contains(kind(finding).as_str()));
    findings
}

/// What came of one app.
#[derive(Default)]
struct Reviewed {
    name: Option<String>,
    reviews: Vec<Review>,
    findings: Vec<Finding>,
    owned: Vec<left_over::Place>,
    stays: Vec<Stay>,
    /// Folders beside which a run was cut short.
    unfinished: Vec<left_over::Place>,
}

impl Reviewed {
    /// An app of which nothing is to be said, but what it takes and owns.
    fn passed_over(record: &Record, candidate: &Candidate, selection: &Selection) -> Self {
        Self {
            name: Some(record.app.clone()),
            owned: record.places(&candidate.root()),
            stays: record.stays(&selection.environments),
            ..Self::default()
        }
    }
}

/// A review whose places are not looked up yet, and what was acknowledged of it.
struct Pending {
    review: Review,
    acknowledged: Vec<(String, At)>,
    said: Diagnostics,
}

/// Says which apps run that none of the specs makes: their objects have our labels, and belong to nobody here.
fn strangers(live: &Inventory, names: &BTreeSet<String>) {
    let mut apps: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for one in live.all() {
        let is_made = || one.resource().node.find(&["metadata", "ownerReferences"]).is_some();
        let app = one.label("app.kubernetes.io/name");
        if one.label("app.kubernetes.io/managed-by") == "statewright"
            && !app.is_empty()
            && !names.contains(app)
            && !is_made()
        {
            *apps.entry((app, &one.id().namespace)).or_default() += 1;
        }
    }
    for ((app, namespace), count) in apps {
        let place = if namespace.is_empty() { String::new() } else { format!(" in {namespace}") };
        let [app, place] = [app, &place].map(crate::printable::text);
        output::talk(&format!(
            "orphaned: {count} of {app}{place} run with its labels, and no spec below the paths makes it\n"
        ));
    }
}

/// Whether anything of an environment runs in a cluster that it may not be about.
fn runs(compiled: &Compiled, earlier: &Bundle, live: &Inventory) -> bool {
    let home = compiled.app.identity.namespace.as_str();
    compiled.bundle.resources.iter().chain(&earlier.resources).any(|one| {
        let namespace = if one.id.namespace.is_empty() { home } else { &one.id.namespace };
        // What is of the whole cluster may be another's.
        live.get(&ResourceId { namespace: namespace.into(), ..one.id.clone() }).is_some()
    })
}

/// Reviews one environment of an app.
fn reviewed(
    app: &Loaded,
    title: String,
    compiled: &Compiled,
    earlier: &Bundle,
    environment: &str,
    formats: &output::Formats,
) -> Pending {
    let version = compiled.app.kubernetes;
    let facts = app.facts(environment).cloned().unwrap_or_default().with_version(version);
    let facts = facts.with_customs(app.customs.clone()).applied(compiled.app.apply);
    let mut acknowledged = acknowledged(None, app.workspace());
    let of_others = acknowledged.len();
    acknowledged.extend(with_reason(&compiled.app.acknowledge));
    let files = output_files(app, environment, &compiled.bundle);
    let setting = Setting {
        version,
        facts: &facts,
        namespace: &compiled.app.identity.namespace,
        acknowledged: &acknowledged,
        home: Some(app.spec.at()),
        files: &files,
        live: app.live(),
    };
    let mut said = Diagnostics::default();
    let mut review = crate::review(title, earlier, &compiled.bundle, setting, &mut said);
    review.place = Some(Place { app: app.spec.name.to_string(), environment: environment.to_owned() });
    if formats.has(Format::Html) && !review.is_empty() {
        review.failures = super::inspect::failures(&compiled.bundle, &facts, &review.home);
    }
    Pending { review, acknowledged: acknowledged.split_off(of_others), said }
}

/// Where each manifest of an environment is written to.
fn output_files(app: &Loaded, environment: &str, bundle: &Bundle) -> Files {
    let (root, folder) = app.folder(environment, None, true);
    let folder = root.join(folder);
    let names = layout::names(&bundle.resources).into_iter();
    let files = names.map(|name| Arc::from(folder.join(name).to_string_lossy().trim_start_matches("./")));
    bundle.resources.iter().map(|resource| resource.id.clone()).zip(files).collect()
}

/// What a spec and its workspace acknowledge, and where.
fn acknowledged(spec: Option<&Node>, workspace: Option<&Workspace>) -> Vec<(String, At)> {
    let own = spec.and_then(|items| Vec::<Acknowledge>::read(items, &mut Diagnostics::default())).unwrap_or_default();
    let shared = workspace.and_then(|workspace| workspace.acknowledge.as_deref()).unwrap_or_default();
    with_reason(&own).chain(with_reason(shared)).collect()
}

/// The changes that some items acknowledge, with a reason.
fn with_reason(items: &[Acknowledge]) -> impl Iterator<Item = (String, At)> {
    let counts = |item: &&Acknowledge| item.reason.as_ref().is_some_and(|reason| allow::is_reason(&reason.value));
    let changes = items.iter().filter(counts).filter_map(|item| item.change.as_ref());
    changes.map(|change| (change.value.to_string(), change.at))
}

/// Looks the places up. An entry that is about one environment is not stale in the others, and one that is stale is
/// said once.
fn settled(pending: Vec<Pending>, sources: &Sources) -> Vec<Review> {
    let risks: Vec<_> = pending.iter().flat_map(|one| one.review.judgement.risks.iter().cloned()).collect();
    let mut told = BTreeSet::new();
    let mut reviews = Vec::new();
    for Pending { mut review, acknowledged, mut said } in pending {
        let stale =
            acknowledged.iter().map(|(said, _)| said).filter(|said| acknowledge::covered(said, &risks).is_empty());
        review.judgement.stale = stale.filter(|said| told.insert((*said).clone())).cloned().collect();
        crate::report::told::stale(&review, &acknowledged, &mut said);
        review.findings = said.resolve(sources);
        if !review.is_empty() {
            reviews.push(review);
        }
    }
    reviews
}

fn holds_specs(reach: &Reach, path: &Path) -> std::result::Result<bool, Failure> {
    if disk::is_file(path) {
        return Ok(path.file_name().is_some_and(|name| name == disk::SPEC));
    }
    Ok(!disk::find_specs(reach, &[path.to_owned()])?.is_empty())
}

fn read(
    reach: &Reach,
    path: &Path,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> std::result::Result<Bundle, Failure> {
    let mut ids = Vec::new();
    let files: Vec<PathBuf> = disk::find_manifests(reach, &[path.to_owned()])?;
    for file in files {
        ids.extend(disk::read_source(reach, &file, sources, found)?);
    }
    Ok(crate::manifests(sources, &ids, found))
}
