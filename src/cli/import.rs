//! `import`: manifests that anyone wrote become specs, each proven to compile to what it was made of.

use super::given;
use super::output::{self, Formats};
use super::{Exit, Result};
use crate::diagnostic::Diagnostics;
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::import::{self, App, Environment, Imported, Options};
use crate::k8s::version::Version;
use crate::report::{self, Against, Report, counted};
use crate::source::Sources;
use crate::spec;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Write the specs of apps that run already from their manifests, and prove that nothing changes.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// Files and folders of manifests, patterns; `-` reads them from stdin.
    #[arg(value_name = "PATH", required_unless_present = "environments")]
    paths: Vec<PathBuf>,
    /// The manifests of one environment; may be given several times: all become one spec.
    #[arg(long = "env", value_name = "NAME=PATH")]
    environments: Vec<Named>,
    /// Where the apps' folders are written.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// The app whose spec takes the objects that belong to none.
    #[arg(long, value_name = "NAME")]
    rest: Option<String>,
    /// Leave out what cannot be imported, and import the rest.
    #[arg(long)]
    keep_going: bool,
    /// Write over specs of the same apps.
    #[arg(long)]
    force: bool,
    /// Kubernetes version to prove it by: 1.29 to 1.37.
    #[arg(long, value_name = "VERSION")]
    kubernetes: Option<String>,
    #[arg(skip)]
    reach: Reach,
    #[command(flatten)]
    formats: Formats,
}

/// An environment and where its manifests are: `prod=overlays/prod`.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    path: PathBuf,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or_else(|| format!("`{text}` names no path: write NAME=PATH"))?;
        if !crate::k8s::name::is_dns_label(name) {
            return Err(format!("`{name}` cannot name an environment: use lowercase letters, digits and `-`"));
        }
        if path.is_empty() {
            return Err(format!("`{text}` names no path: write NAME=PATH"));
        }
        Ok(Self { name: name.to_owned(), path: path.into() })
    }
}

impl Import {
    pub(super) fn run(self) -> Result {
        self.formats.ready(None)?;
        if !self.paths.is_empty() && !self.environments.is_empty() {
            return Err(Failure::new(
                "give the paths of one environment, or each environment's with `--env NAME=PATH`, not both",
            ));
        }
        let version =
            self.kubernetes.as_deref().map_or(Ok(Version::default()), str::parse::<Version>).map_err(Failure::new)?;
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let environments = self.read(&mut sources, &mut found)?;
        let mut imported = Imported::default();
        let unread = found.has_errors();
        if !unread || self.keep_going {
            let wanted = Options {
                named: !self.environments.is_empty(),
                rest: self.rest.as_deref(),
                keep_going: self.keep_going,
                version,
            };
            imported = import::import(&environments, wanted, &crate::compile_text, &mut found);
        }
        let findings = found.resolve(&sources);
        let stopped = output::any_error(&findings) && !self.keep_going;
        let written = if stopped { Vec::new() } else { self.write(&imported.apps)? };
        self.tell(&imported, findings, &written, stopped, unread)
    }

    /// The manifests of each environment.
    fn read(&self, sources: &mut Sources, found: &mut Diagnostics) -> std::result::Result<Vec<Environment>, Failure> {
        let mut paths: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
        let mut order = Vec::new();
        for Named { name, path } in &self.environments {
            if !paths.contains_key(&**name) {
                order.push(&**name);
            }
            paths.entry(name).or_default().push(path.clone());
        }
        if order.is_empty() {
            order.push(spec::ONLY);
            paths.insert(spec::ONLY, self.paths.clone());
        }
        let mut environments = Vec::new();
        for name in order {
            let ids = given::manifests(
                &self.reach,
                paths.get(name).map(Vec::as_slice).unwrap_or_default(),
                "imported",
                sources,
                found,
            )?;
            environments.push(Environment { name: name.to_owned(), bundle: crate::manifests(sources, &ids, found) });
        }
        Ok(environments)
    }

    /// Writes the apps, unless something is in the way of one: nothing over what is there, but with `--force` over a
    /// spec of the same app.
    fn write(&self, apps: &[App]) -> std::result::Result<Vec<String>, Failure> {
        let mut files: Vec<(PathBuf, &str, bool)> = Vec::new();
        let mut named: BTreeMap<&str, usize> = BTreeMap::new();
        for app in apps {
            *named.entry(&app.name).or_default() += 1;
        }
        let mut folders = BTreeSet::new();
        for app in apps {
            // Apps of one name are told apart by their namespaces.
            let is_alone = named.get(&*app.name) == Some(&1);
            let folder =
                self.out.join(if is_alone { app.name.clone() } else { format!("{}-{}", app.namespace, app.name) });
            if !folders.insert(folder.clone()) {
                return Err(Failure::new(format!(
                    "two apps would be written to {}: import them one by one",
                    folder.display()
                )));
            }
            let may_replace = self.force && self.is_spec_of(&folder.join(disk::SPEC), &app.name);
            for (path, text) in &app.files {
                let path = folder.join(path);
                // What a run wrote that was cut short is in nobody's way.
                let over = may_replace || disk::holds(&self.reach, &path, text);
                if disk::is_there(&path) && !over {
                    let help = if disk::is_there(&folder.join(disk::SPEC)) {
                        "choose another folder with --out, or write over the spec of this app with --force"
                    } else {
                        "choose another folder with --out"
                    };
                    return Err(Failure::new(format!(
                        "{} is there already: {help}. Nothing was written",
                        path.display()
                    )));
                }
                files.push((path, text, over));
            }
        }
        // The specs come last: a folder without one is no app.
        files.sort_by_key(|(path, ..)| path.ends_with(disk::SPEC));
        let mut written = Vec::new();
        for (path, text, over) in files {
            // What was nobody's a moment ago may be somebody's now: then it is left alone.
            if over {
                disk::write_over(&self.reach, &path, text)?;
            } else if !disk::write_new(&self.reach, &path, text)? {
                return Err(Failure::new(format!("{} came while it was to be written", path.display())));
            }
            written.push(disk::name_of(&path));
        }
        written.sort();
        Ok(written)
    }

    fn is_spec_of(&self, path: &Path, app: &str) -> bool {
        let says = |text: &str| spec::is_spec(text) && text.lines().any(|line| line == format!("name: {app}"));
        disk::begins_with(&self.reach, path, says)
    }

    fn tell(
        &self,
        imported: &Imported,
        findings: Vec<crate::diagnostic::Finding>,
        written: &[String],
        stopped: bool,
        unread: bool,
    ) -> Result {
        let mut text = String::new();
        for app in imported.apps.iter().filter(|_| !stopped) {
            proof(app, self.environments.len(), &mut text);
        }
        let mut left: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, reason) in &imported.left {
            left.entry(reason.words()).or_default().push(name);
        }
        for (reason, names) in left {
            let _ = writeln!(text, "left out: {}\n  {reason}", crate::diagnostic::listing(names, 12).replace('`', ""));
        }
        for name in written {
            let _ = writeln!(text, "wrote {name}");
        }
        let nothing = imported.apps.is_empty() && imported.refused == 0 && findings.is_empty();
        if nothing {
            text.push_str("there is no StatefulSet in these manifests: nothing was imported\n");
        }
        let outcome = if stopped || unread || imported.refused > 0 || nothing { Exit::Found } else { Exit::Fine };
        if self.formats.is_empty() {
            output::findings(&findings, &self.formats)?;
            output::data(&text)?;
        } else {
            output::talk(&text);
            let reviews = imported.apps.iter().flat_map(|app| app.reviews.iter().cloned()).collect();
            output::review(Report::compared(Against::Named, findings, reviews), &self.formats)?;
        }
        Ok(outcome)
    }
}

/// The proof in two lines.
fn proof(app: &App, environments: usize, text: &mut String) {
    let places =
        if environments > 1 { format!(" in {}", counted(app.reviews.len(), "environment")) } else { String::new() };
    let objects = match app.objects.len() {
        1 => "1 object comes back as the API server stores it".to_owned(),
        count => format!("all {count} objects come back as the API server stores them"),
    };
    let _ = writeln!(text, "{}: {objects}{places}", app.name);
    let lines: BTreeSet<String> = app.reviews.iter().map(report::line).collect();
    let said: Vec<String> = lines.into_iter().collect();
    let _ = writeln!(text, "  applied over what runs: {}; no pod is replaced, no data is at risk", said.join("; "));
    for suggestion in &app.suggestions {
        let _ = writeln!(text, "  suggested, not applied ({}): {}", suggestion.cost(), suggestion.edit());
    }
    if !app.secrets.is_empty() {
        let names: Vec<&str> = app.secrets.iter().map(String::as_str).collect();
        let _ = writeln!(text, "  Secrets that must exist: {}", names.join(", "));
    }
}
