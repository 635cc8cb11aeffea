//! Statewright compiles the spec of a stateful app into its Kubernetes manifests, and rehearses them offline.
//!
//! Four functions are its face, and what the command line is made of: [`compile`] a spec, [`check`] manifests,
//! [`review()`] a change, [`rehearse`] bundles one after another. Their options are [`Around`], [`ClusterFacts`] and
//! [`Setting`]; what they give back is values, which a [`Report`] shows in any [`Format`]. Texts are given to
//! [`Sources`], findings are gathered in [`Diagnostics`]. Nothing here reads a file, a clock or an environment.
//!
//! The steps, in the order in which they run:
//!
//! 1. `yaml` reads a text into placed values.
//! 2. `spec` takes it for what the user wrote.
//! 3. `app` resolves it for one environment.
//! 4. `emit` makes the manifests: a `bundle`.
//! 5. `api` says what the API server answers, `cluster` what the controllers make of it.
//! 6. `rules` says what an experienced operator would.
//! 7. `layout` gives each manifest its file; `disk` writes them; `report` shows what was found.
//!
//! Modules are public, where they are, for the tests, benchmarks and fuzz targets of this repository, and left out of
//! these pages: they promise nothing.
#![forbid(unsafe_code)]

mod allow;
#[doc(hidden)]
pub mod api;
#[doc(hidden)]
pub mod app;
#[doc(hidden)]
pub mod block;
mod budget;
#[doc(hidden)]
pub mod bundle;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod cluster;
#[doc(hidden)]
pub mod diagnostic;
#[doc(hidden)]
pub mod disk;
mod editor;
mod emit;
#[doc(hidden)]
pub mod expect;
mod failure;
mod git;
#[doc(hidden)]
pub mod import;
#[doc(hidden)]
pub mod json;
#[doc(hidden)]
pub mod k8s;
#[doc(hidden)]
pub mod layout;
mod merge;
#[doc(hidden)]
pub mod outage;
#[doc(hidden)]
pub mod parallel;
mod printable;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod review;
mod rules;
#[doc(hidden)]
pub mod scenario;
#[doc(hidden)]
pub mod secret;
mod shell;
#[doc(hidden)]
pub mod source;
#[doc(hidden)]
pub mod spec;
#[doc(hidden)]
pub mod stateful_set;
#[doc(hidden)]
pub mod value;
mod volume;
#[doc(hidden)]
pub mod yaml;

pub use api::custom::Customs;
pub use bundle::{Bundle, Resource, ResourceId};
pub use cluster::facts::ClusterFacts;
pub use cluster::rehearse::{Outcome, Rehearsal};
pub use cluster::state::State;
pub use diagnostic::{Diagnostics, Finding, Level, Refusal};
pub use editor::mend::{Made, Mended, mended};
pub use k8s::version::Version;
pub use report::{Against, Format, Report};
pub use review::verdict::{Judgement, Verdict};
pub use review::{Change, Review, Setting};
pub use source::Sources;
pub use spec::Spec;

use app::{App, Surroundings};
use diagnostic::Code;
use k8s::way::Way;
use rules::context::Context;
use source::SourceId;
use std::collections::BTreeMap;
use value::Node;

/// One app in one environment, and its manifests.
#[derive(Debug)]
pub struct Compiled {
    /// What it means.
    pub app: App,
    /// Its manifests.
    pub bundle: Bundle,
}

/// Reads a spec: text to [`Spec`].
pub fn read(sources: &Sources, id: SourceId, found: &mut Diagnostics) -> Option<Spec> {
    let document = yaml::read_one(sources, id, found)?;
    let spec = spec::parse(&document, &kubernetes_fields, found)?;
    for layer in &spec.environments {
        app::check_environment(&layer.key, found);
    }
    Some(spec)
}

/// The fields of a Kubernetes definition, in the newest version: what may stand in a spec in Kubernetes' own words.
fn kubernetes_fields(definition: &str) -> Vec<String> {
    let shape = k8s::shape::Shape::named(definition, k8s::version::Version::NEWEST);
    shape.map(|shape| shape.fields().map(|field| field.name.to_owned()).collect()).unwrap_or_default()
}

/// What surrounds an app: nothing of it is looked up from here.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// What the workspace gives to the environment.
    pub shared: Option<&'a Node>,
    /// The workspace's templates.
    pub extras: &'a [emit::Extra],
    /// What is known of the environment's cluster.
    pub facts: Option<&'a ClusterFacts>,
    /// The custom kinds that are defined.
    pub customs: &'a Customs,
    /// How manifests are applied, whatever the spec says.
    pub apply: Option<Way>,
    /// The files beside the spec.
    pub files: &'a dyn Surroundings,
}

impl<'a> Around<'a> {
    /// An app by itself: no workspace, no cluster, no file beside the spec.
    #[must_use]
    pub fn alone(customs: &'a Customs) -> Self {
        Self { shared: None, extras: &[], facts: None, customs, apply: None, files: &NoFiles }
    }
}

/// A spec with no file beside it.
struct NoFiles;

impl Surroundings for NoFiles {
    fn file(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("there are no files here".to_owned())
    }
}

/// Compiles a spec for one environment: resolve, emit, and ask the model of the cluster.
///
/// ```
/// use statewright::{Around, Customs, Diagnostics, Sources};
///
/// let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
/// let id = sources.add(
///     "statewright.yaml",
///     "apiVersion: statewright/v1
/// kind: App
/// name: web
/// image: example.org/web:1.0
/// replicas: 3
/// storage: {data: {mount: /data, size: 1Gi}}
/// environments: {dev: {}}
/// ",
/// );
/// let spec = statewright::read(&sources, id, &mut found).expect("it can be read");
/// let compiled = statewright::compile(&spec, "dev", Around::alone(&Customs::none()), &mut found).expect("it compiles");
/// assert!(compiled.bundle.resources.iter().any(|manifest| manifest.id.to_string() == "StatefulSet/web"));
/// ```
pub fn compile(spec: &Spec, environment: &str, around: Around<'_>, found: &mut Diagnostics) -> Option<Compiled> {
    let mut app = app::resolve(spec, environment, around.shared, around.files, found)?;
    let facts = around.facts.cloned().unwrap_or_default().with_version(app.kubernetes);
    let facts = facts.applied(around.apply.or(app.apply));
    app.apply = facts.apply;
    let bundle = emit::emit(&app, around.extras, found);
    for resource in &bundle.resources {
        expect::judge::new_object(resource, facts.way(), app.kubernetes, found);
    }
    let customs = around.customs.with(bundle.resources.iter().map(|resource| &resource.node));
    expect::judge::custom_objects(&bundle, &customs, app.kubernetes, found);
    if app.objects.is_empty() && app.patches.is_empty() && around.facts.is_none() {
        // Volumes and claims are as we make them, for each other, on a cluster of which nothing is known: a rehearsal
        // can show nothing.
        expect::outlook::judge_written(&bundle, found);
    } else {
        expect::outlook::judge(&bundle, &facts, found);
    }
    rules::advise(&Context::new(&bundle, app.kubernetes, &facts, true, |_| ""), found);
    found.drop_echoes(&[]);
    Some(Compiled { app, bundle })
}

/// Compiles all environments of a spec that is only a text, with files that are only texts: what an import proves
/// itself by.
#[must_use]
pub fn compile_text(text: &str, files: &BTreeMap<String, String>) -> import::Compiled {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add("statewright.yaml", text);
    let mut compiled = import::Compiled::default();
    let customs = Customs::none();
    if let Some(spec) = read(&sources, id, &mut found) {
        for environment in spec.names() {
            let around = Around { files: &Texts(files), ..Around::alone(&customs) };
            let mut own = Diagnostics::default();
            if let Some(made) = compile(&spec, environment, around, &mut own) {
                allow::settle(&made.app.allow, None, &[], codes, &mut own);
                compiled.bundles.insert(environment.to_owned(), made.bundle);
            }
            found.extend(own);
        }
    }
    let advice: std::collections::BTreeSet<&str> = rules::codes().map(|code| code.id).collect();
    let errors = found.iter().filter(|diagnostic| diagnostic.level == diagnostic::Level::Error);
    let can_be_allowed =
        |diagnostic: &diagnostic::Diagnostic| diagnostic.refusal.is_none() && advice.contains(diagnostic.code.id);
    compiled.errors = errors.map(|error| (error.code.name, error.message.clone(), can_be_allowed(error))).collect();
    compiled
}

/// Files that are only texts.
struct Texts<'t>(&'t BTreeMap<String, String>);

impl Surroundings for Texts<'_> {
    fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| "it is not there".to_owned())
    }
}

/// The manifests in some texts: every document, lists taken apart. What is no manifest is reported.
pub fn manifests(sources: &Sources, ids: &[SourceId], found: &mut Diagnostics) -> Bundle {
    let mut bundle = Bundle::default();
    for id in ids {
        bundle::read::manifests(sources, *id, &mut bundle, found);
    }
    bundle
}

/// Says all that can be said of manifests without a previous state.
///
/// ```
/// use statewright::{ClusterFacts, Diagnostics, Sources};
///
/// let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
/// let id = sources.add(
///     "service.yaml",
///     "apiVersion: v1
/// kind: Service
/// metadata: {name: web}
/// spec: {selector: {app: web}, ports: [{port: 0, targetPort: 80}]}
/// ",
/// );
/// statewright::check(&sources, &[id], &ClusterFacts::default(), &mut found);
/// let findings = found.resolve(&sources);
/// assert_eq!((findings[0].spot.line, findings[0].refusal.as_ref().unwrap().field.as_str()), (4, "spec.ports[0].port"));
/// ```
pub fn check(sources: &Sources, ids: &[SourceId], facts: &ClusterFacts, found: &mut Diagnostics) {
    let version = facts.kubernetes.unwrap_or_default();
    let documents: Vec<_> = ids.iter().flat_map(|id| bundle::read::documents(sources, *id, found)).collect();
    let judged = parallel::map(&documents, |document| {
        let (mut own, mut bundle) = (Diagnostics::default(), Bundle::default());
        bundle::read::document(sources, *document, &mut bundle, &mut own);
        for resource in &bundle.resources {
            expect::judge::new_object(resource, facts.way(), version, &mut own);
        }
        (bundle, own)
    });
    let mut bundle = Bundle::default();
    for (own, diagnostics) in judged {
        bundle.resources.extend(own.resources);
        found.extend(diagnostics);
    }
    let customs = facts.customs.with(bundle.resources.iter().map(|resource| &resource.node));
    expect::judge::custom_objects(&bundle, &customs, version, found);
    rules::advise(&Context::new(&bundle, version, facts, false, |id| sources.get(id).folder()), found);
    expect::outlook::judge_folders(bundle, facts, |id| sources.get(id).folder(), found);
}

/// Reviews a fresh bundle against the committed one. What the user must know of it is stored in `found`, at the place
/// that caused it.
///
/// ```
/// use statewright::{Against, ClusterFacts, Diagnostics, Format, Report, Setting, Sources};
///
/// let text = |replicas: u32| {
///     format!(
///         "apiVersion: apps/v1
/// kind: StatefulSet
/// metadata: {{name: web}}
/// spec:
///   replicas: {replicas}
///   selector: {{matchLabels: {{app: web}}}}
///   template:
///     metadata: {{labels: {{app: web}}}}
///     spec: {{containers: [{{name: web, image: 'example.org/web:1.0'}}]}}
///   volumeClaimTemplates:
///   - metadata: {{name: data}}
///     spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
/// "
///     )
/// };
/// let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
/// let (old, new) = (sources.add("old.yaml", text(3)), sources.add("new.yaml", text(2)));
/// let [before, after] = [old, new].map(|id| statewright::manifests(&sources, &[id], &mut found));
/// let facts = ClusterFacts::default();
/// let review = statewright::review("web".into(), &before, &after, Setting::on(&facts), &mut found);
/// assert_eq!(review.judgement.verdict.word(), "data-at-risk");
/// let report = Report::compared(Against::Named, found.resolve(&sources), vec![review]);
/// assert!(Format::Human.render(&report, false).contains("loses 1 of 3 replicas"));
/// ```
#[must_use]
pub fn review(
    title: String,
    committed: &Bundle,
    fresh: &Bundle,
    setting: Setting<'_>,
    found: &mut Diagnostics,
) -> Review {
    let review = review::review(title, committed, fresh, setting);
    report::told::find(&review, found);
    review
}

/// Applies bundles to a model cluster, one after another, and lets the controllers work after each until nothing
/// changes any more.
///
/// ```
/// use statewright::{ClusterFacts, Diagnostics, Sources, Version};
///
/// let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
/// let id = sources.add(
///     "set.yaml",
///     "apiVersion: apps/v1
/// kind: StatefulSet
/// metadata: {name: web}
/// spec:
///   replicas: 2
///   selector: {matchLabels: {app: web}}
///   template:
///     metadata: {labels: {app: web}}
///     spec: {containers: [{name: web, image: 'example.org/web:1.0'}]}
/// ",
/// );
/// let bundle = statewright::manifests(&sources, &[id], &mut found);
/// let rehearsal = statewright::rehearse(&[bundle], &ClusterFacts::default(), Version::NEWEST, "default");
/// let pods: Vec<&str> = rehearsal.steps[0].state.pods.iter().map(|pod| pod.name.name.as_str()).collect();
/// assert_eq!(pods, ["web-0", "web-1"]);
/// ```
#[must_use]
pub fn rehearse(bundles: &[Bundle], facts: &ClusterFacts, version: Version, namespace: &str) -> Rehearsal {
    cluster::rehearse::rehearse(bundles, facts, version, namespace)
}

/// Everything that can be found, by id.
#[must_use]
pub fn codes() -> Vec<&'static Code> {
    let all = [
        yaml::CODES,
        disk::CODES,
        bundle::CODES,
        spec::CODES,
        app::CODES,
        app::expression::CODES,
        volume::CODES,
        emit::CODES,
        allow::CODES,
        expect::judge::CODES,
        expect::outlook::CODES,
        expect::named::CODES,
        expect::overlap::CODES,
        expect::upgrade::CODES,
        report::told::CODES,
        import::CODES,
    ];
    let mut codes: Vec<&'static Code> =
        all.into_iter().chain(cli::CODES.iter().copied()).flatten().copied().chain(rules::codes()).collect();
    codes.sort_by_key(|code| code.id);
    codes
}

/// The JSON Schema of `statewright.yaml`.
#[must_use]
pub fn app_schema() -> String {
    pretty(&spec::schema::app(&k8s_schema))
}

/// The JSON Schema of `statewright-workspace.yaml`.
#[must_use]
pub fn workspace_schema() -> String {
    pretty(&spec::schema::workspace(&k8s_schema))
}

fn pretty(schema: &serde_json::Value) -> String {
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}

/// A Kubernetes definition's fields for an editor: their names, and that Kubernetes says what they hold.
fn k8s_schema(definition: &str) -> Vec<(String, serde_json::Value)> {
    let name = definition.rsplit('.').next().unwrap_or(definition);
    let description = format!("As in Kubernetes' {name}.");
    kubernetes_fields(definition)
        .into_iter()
        .map(|field| (field, serde_json::json!({"description": description})))
        .collect()
}
