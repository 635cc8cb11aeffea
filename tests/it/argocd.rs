//! What Argo CD makes of the plugin, of the committed manifests, and of everything that can go wrong between them. The
//! rounds go through Argo CD's own servers where `STATEWRIGHT_ARGOCD_HARNESS` names a program that links them.

use crate::client::{is_kubectl_there, left_out, named, path_with_statewright, said};
use crate::commands::{copy, root, statewright};
use crate::scratch::Scratch;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Argo CD drops keys that it does not know without a word, and takes them in any case; we do not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PluginFile {
    api_version: String,
    kind: String,
    metadata: Named,
    spec: PluginSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginSpec {
    generate: Program,
    parameters: Announced,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Announced {
    dynamic: Program,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Program {
    command: Vec<String>,
}

fn integration(path: &str) -> String {
    fs::read_to_string(root().join("integrations").join(path)).unwrap()
}

#[test]
fn the_plugin_file_says_what_argo_cd_reads() {
    let file: PluginFile = serde_yaml::from_str(&integration("argocd/plugin.yaml")).unwrap();
    assert_eq!((file.api_version.as_str(), file.kind.as_str()), ("argoproj.io/v1alpha1", "ConfigManagementPlugin"));
    assert_eq!(file.metadata.name, "statewright");
    for program in [file.spec.generate, file.spec.parameters.dynamic] {
        let (tool, arguments) = program.command.split_first().unwrap();
        assert_eq!(tool, "statewright");
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--help"]).collect();
        assert_eq!(statewright(&root(), &arguments).code, 0, "{arguments:?}");
    }
}

#[test]
fn the_plugin_is_named_wherever_it_is_written_down() {
    let scratch = Scratch::new("named");
    assert_eq!(statewright(scratch.path(), &["init", "--workspace"]).code, 0);
    let application: Value = serde_yaml::from_str(&integration("argocd/application.yaml")).unwrap();
    assert_eq!(application["spec"]["source"]["plugin"]["name"], "statewright");
    // Neither of our own files is a manifest, whatever folder Argo CD is pointed at.
    for name in ["statewright.yaml", "statewright-workspace.yaml"] {
        let text = fs::read_to_string(scratch.path().join(name)).unwrap();
        assert!(text.contains("+argocd:skip-file-rendering"), "{name}");
    }
}

/// The patch as kubectl lays it over a Deployment like Argo CD's, and what the API server would say to that.
#[test]
fn the_patch_gives_a_repo_server_that_the_api_server_takes() {
    if !is_kubectl_there("the patch of the repo-server, as kubectl lays it over a Deployment") {
        return;
    }
    let scratch = Scratch::new("patch");
    scratch.write("repo-server.yaml", integration("argocd/repo-server.yaml"));
    scratch.write(
        "deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: argocd-repo-server}\nspec:\n  selector: \
            {matchLabels: {app: repo-server}}\n  \
         template:\n    metadata: {labels: {app: repo-server}}\n    spec:\n      containers:\n      - name: \
         argocd-repo-server\n        \
         image: quay.io/argoproj/argocd:v3.5.7\n        volumeMounts:\n        - {name: plugins, mountPath: \
         /home/argocd/cmp-server/plugins}\n      \
         volumes:\n      - {name: var-files, emptyDir: {}}\n      - {name: plugins, emptyDir: {}}\n",
    );
    scratch.write("kustomization.yaml", "resources: [deployment.yaml]\npatches: [{path: repo-server.yaml}]\n");
    let built = Command::new("kubectl").arg("kustomize").arg(scratch.path()).output().unwrap();
    assert!(built.status.success(), "{}", said(&built));
    let built = scratch.write("built/deployment.yaml", built.stdout);
    let text = fs::read_to_string(&built).unwrap();
    assert_eq!(text.matches("name: plugins").count(), 3, "both containers share the folder of sockets:\n{text}");
    let checked = statewright(built.parent().unwrap(), &["check", "."]);
    assert!(!checked.stderr.contains("error["), "{}", checked.stderr);
}

/// A repository as users have it: an app by itself, and two of a workspace that share an environment's namespace.
fn repository() -> Scratch {
    let scratch = Scratch::new("repository");
    copy(&root().join("examples/kubia"), &scratch.path().join("apps/kubia"));
    copy(&root().join("tests/cases/environments/workspace/apps"), &scratch.path().join("shop"));
    let workspace =
        fs::read_to_string(root().join("tests/cases/environments/workspace/statewright-workspace.yaml")).unwrap();
    scratch.write("shop/statewright-workspace.yaml", workspace);
    assert_eq!(statewright(scratch.path(), &["compile", "."]).code, 0);
    scratch
}

/// The files of a folder that anyone takes for manifests.
fn manifests(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "yaml" || end == "yml"))
}

/// Each manifest of a committed folder, without the line that says where it comes from.
fn committed(folder: &Path) -> Vec<String> {
    let mut texts: Vec<String> = manifests(folder)
        .map(|path| fs::read_to_string(path).unwrap().split_once('\n').unwrap().1.to_owned())
        .collect();
    texts.sort();
    assert!(!texts.is_empty(), "{}", folder.display());
    texts
}

fn objects(texts: &[String]) -> Vec<Value> {
    sorted(texts.iter().map(|text| serde_yaml::from_str(text).unwrap()).collect())
}

fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(|object| format!("{}/{}", object["kind"], object["metadata"]["name"]));
    objects
}

/// The plugin's command as Argo CD runs it, with nothing in the environment but what is given.
fn generate(folder: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_statewright"));
    command
        .args(["argocd", "generate"])
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

const PROD: (&str, &str) = ("ARGOCD_APP_PARAMETERS", r#"[{"name":"env","string":"prod"}]"#);

#[test]
fn what_is_printed_is_what_is_committed() {
    let repository = repository();
    for (app, folder) in [("apps/kubia", "apps/kubia/deploy/prod"), ("shop/web", "shop/deploy/prod/web")] {
        let output = generate(&repository.path().join(app), &[PROD, ("ARGOCD_APP_SOURCE_PATH", app)]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(output.stderr.is_empty(), "{}", said(&output));
        let mut printed: Vec<String> =
            String::from_utf8(output.stdout).unwrap().split("---\n").map(str::to_owned).collect();
        printed.sort();
        assert_eq!(printed, committed(&repository.path().join(folder)), "{app}");
    }
}

#[test]
fn the_environment_is_said_or_follows_from_the_namespace() {
    let repository = repository();
    let kubia = repository.path().join("apps/kubia");
    let parameters = |text: &'static str| ("ARGOCD_APP_PARAMETERS", text);
    let prod = generate(&kubia, &[PROD]).stdout;
    let dev = generate(&kubia, &[("ARGOCD_ENV_ENV", "dev")]).stdout;
    assert_ne!(prod, dev);
    for (variables, wanted) in [
        (&[("ARGOCD_ENV_ENV", "prod")][..], &prod),
        (&[("ARGOCD_ENV_STATEWRIGHT_ENV", "prod"), parameters("null")], &prod),
        (&[PROD, ("ARGOCD_ENV_ENV", "dev")], &prod),
        (&[("ARGOCD_APP_NAMESPACE", "pets")], &prod),
        (&[("ARGOCD_APP_NAMESPACE", "default")], &dev),
        (&[parameters(r#"[{"name":"env","string":""}]"#), ("ARGOCD_APP_NAMESPACE", "pets")], &prod),
    ] {
        let output = generate(&kubia, variables);
        assert_eq!(&output.stdout, wanted, "{variables:?}: {}", said(&output));
    }
    for (variables, words) in [
        (&[][..], "say which environment, with the plugin's parameter `env`; there are dev, prod"),
        (&[("ARGOCD_APP_NAMESPACE", "elsewhere")], "there are dev, prod"),
        (&[("ARGOCD_ENV_ENV", "prdo")], "there is no environment `prdo`; there are dev, prod"),
        (
            &[parameters(r#"[{"name":"enviroment","string":"prod"}]"#)],
            "there is no parameter `enviroment`; there is `env`",
        ),
        (&[parameters(r#"[{"array":["prod"],"name":"env"}]"#)], "the parameter `env` is one name"),
        (&[parameters("{")], "ARGOCD_APP_PARAMETERS is not what Argo CD writes there"),
    ] {
        let output = generate(&kubia, variables);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{variables:?}");
        assert!(said(&output).contains(words), "{variables:?}: {}", said(&output));
    }
}

#[test]
fn nothing_above_the_copy_is_seen_and_nothing_in_it_is_missed() {
    let scratch = Scratch::new("copies");
    let copies = scratch.path().join("_cmp_server");
    // Another request's copy, or the root of somebody's disk: no workspace of ours.
    scratch.write(
        "statewright-workspace.yaml",
        "apiVersion: statewright/v1\nkind: Workspace\nenvironments: {wrong: {}}\n",
    );
    copy(repository().path(), &copies.join("one"));
    copy(&copies.join("one/shop"), &copies.join("part"));
    fs::remove_file(copies.join("part/statewright-workspace.yaml")).unwrap();
    let prod = |folder: &str, path: &str| generate(&copies.join(folder), &[PROD, ("ARGOCD_APP_SOURCE_PATH", path)]);

    let whole = prod("one/shop/web", "shop/web");
    assert!(whole.status.success(), "{}", said(&whole));
    assert!(prod("one/apps/kubia", "apps/kubia").status.success());
    assert!(prod("one/apps/kubia", "./apps/kubia/").status.success());

    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../shop/web", copies.join("one/apps/linked")).unwrap();
        let linked = prod("one/apps/linked", "apps/linked");
        assert_eq!(said(&linked), said(&whole), "an app's folder may be a link");
        fs::rename(copies.join("one/shop/web/statewright.yaml"), copies.join("one/shop/real.yaml")).unwrap();
        std::os::unix::fs::symlink("../real.yaml", copies.join("one/shop/web/statewright.yaml")).unwrap();
        assert_eq!(prod("one/shop/web", "shop/web").stdout, whole.stdout, "a spec may be a link");
    }

    let part = prod("part/web", "shop/web");
    assert_eq!(part.status.code(), Some(2));
    assert!(said(&part).contains("argocd.argoproj.io/manifest-generate-paths"), "{}", said(&part));
}

#[test]
fn what_argo_cd_shows_is_short_plain_and_without_the_copy() {
    let scratch = Scratch::new("complaint");
    let mut spec = "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\nports:\n".to_owned();
    for number in 0..200 {
        let _ = writeln!(spec, "  a{number}: {{port: {}}}", "x".repeat(5000));
    }
    scratch.write("app/statewright.yaml", spec);
    let output = generate(&scratch.path().join("app"), &[("CLICOLOR_FORCE", "1"), ("FORCE_COLOR", "1")]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(text.contains("error[") && text.contains("--> statewright.yaml:"), "{text}");
    assert!(text.contains("and ") && text.ends_with(" more\n"), "{text}");
    assert!(text.len() < 8 << 10, "{} bytes", text.len());
    assert!(!text.contains('\u{1b}') && !text.contains(scratch.path().to_str().unwrap()), "{text}");
    // The panel of parameters is not the place for errors: it stays empty.
    assert_eq!(statewright(scratch.path(), &["argocd", "parameters"]).stdout, "[]\n");
}

#[test]
fn twenty_at_once_print_the_same() {
    let repository = repository();
    let expected = generate(&repository.path().join("apps/kubia"), &[PROD]).stdout;
    let before = repository.files();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(generate(&repository.path().join("apps/kubia"), &[PROD]).stdout, expected));
        }
    });
    assert_eq!(repository.files(), before, "a run leaves nothing behind");
}

/// As in the sidecar: user 999, nothing that can be written, no HOME, no PATH.
#[cfg(target_os = "linux")]
#[test]
fn user_999_on_a_read_only_tree() {
    let what = "generate as user 999 on a read-only tree";
    let script = "set -e; mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"; cd \"$1/apps/kubia\"; \
                  ! touch statewright.yaml 2>/dev/null || exit 99; \
                  exec setpriv --reuid 999 --regid 999 --clear-groups --no-new-privs env -i ARGOCD_ENV_ENV=prod \
                  \"$1/statewright\" argocd generate";
    let repository = repository();
    let expected = generate(&repository.path().join("apps/kubia"), &[PROD]).stdout;
    // Where the tests were built, user 999 may not be allowed to look. A program that this process wrote itself cannot
    // be started while another test, just starting a process of its own, still holds the file open.
    let copied =
        Command::new("cp").arg(env!("CARGO_BIN_EXE_statewright")).arg(repository.path().join("statewright")).status();
    assert!(copied.unwrap().success());
    let mut command = Command::new("unshare");
    if !Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|output| output.status.success()) {
        return left_out(what, "this user may not mount; root may");
    }
    let output = command.args(["--mount", "--", "sh", "-c", script, "sh"]).arg(repository.path()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(output.stdout, expected);
}

/// What Argo CD says, as the harness prints it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Round {
    matched: Option<bool>,
    announcements: Value,
    source_type: String,
    manifests: Vec<Value>,
    error: String,
    targets: Vec<Value>,
    conditions: Vec<String>,
}

/// Argo CD, in front of a repository.
struct ArgoCd<'a> {
    harness: PathBuf,
    repository: &'a Path,
}

impl ArgoCd<'_> {
    /// One round: the plugin's server, the repo-server and the controller's first pass.
    fn round(&self, app: &str, arguments: &[&str]) -> Round {
        let output = Command::new(&self.harness)
            .arg("--plugin")
            .arg(root().join("integrations/argocd/plugin.yaml"))
            .arg("--repo")
            .arg(self.repository)
            .arg("--app")
            .arg(self.repository.join(app))
            // Without its own marks the objects are those that the plugin printed.
            .args(["--label-key", ""])
            .args(arguments)
            .env("PATH", path_with_statewright())
            .output()
            .unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

const WHAT: &str = "rounds through Argo CD's own plugin server and repo-server";

fn argo_cd(repository: &Scratch) -> Option<ArgoCd<'_>> {
    let harness = named("STATEWRIGHT_ARGOCD_HARNESS", WHAT)?;
    Some(ArgoCd { harness, repository: repository.path() })
}

#[test]
fn argo_cd_gets_what_is_committed() {
    let repository = repository();
    let Some(argo_cd) = argo_cd(&repository) else { return };
    for (app, folder, arguments) in [
        ("apps/kubia", "apps/kubia/deploy/prod", &["--param", "env=prod"][..]),
        ("apps/kubia", "apps/kubia/deploy/dev", &["--env", "ENV=dev"]),
        ("apps/kubia", "apps/kubia/deploy/prod", &["--namespace", "pets"]),
        ("shop/web", "shop/deploy/prod/web", &["--param", "env=prod"]),
        ("shop/web", "shop/deploy/prod/web", &["--namespace", "shop"]),
        // Many installations leave .git out of the copy, some half.
        ("shop/web", "shop/deploy/prod/web", &["--param", "env=prod", "--tar-exclude", ".git"]),
        ("shop/web", "shop/deploy/prod/web", &["--param", "env=prod", "--tar-exclude", ".git/*"]),
        // An Application outside Argo CD's namespace, of another name, on another cluster: the same manifests.
        (
            "shop/web",
            "shop/deploy/prod/web",
            &["--param", "env=prod", "--name", "team_web", "--kube-version", "1.36.2"],
        ),
    ] {
        let round = argo_cd.round(app, arguments);
        assert_eq!(
            (round.error.as_str(), round.source_type.as_str(), round.matched),
            ("", "Plugin", None),
            "{app} {arguments:?}"
        );
        let expected = objects(&committed(&repository.path().join(folder)));
        assert_eq!(sorted(round.manifests), expected, "{app} {arguments:?}");
        assert_eq!(round.conditions, Vec::<String>::new(), "{app} {arguments:?}");
        assert_eq!(round.targets.len(), expected.len());
        let announced = &round.announcements[0];
        assert_eq!(
            (&announced["name"], &announced["required"]),
            (&json!("env"), &json!(true)),
            "{}",
            round.announcements
        );
    }
}

#[test]
fn argo_cd_shows_what_is_wrong() {
    let repository = repository();
    let Some(argo_cd) = argo_cd(&repository) else { return };
    repository.write("apps/nothing/README.md", "no spec here\n");
    repository.write("apps/empty/statewright.yaml", "# nothing\n");
    let spec = "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\nports: {http: 8080}\n";
    repository.write("apps/broken/statewright.yaml", format!("{spec}replica: 3\n"));
    repository.write(
        "apps/newer/statewright.yaml",
        format!("{spec}services: {{public: {{ports: {{http: 80}}, trafficDistribution: PreferSameNode}}}}\n"),
    );
    let run =
        |words: &str| format!("error generating manifests: `statewright argocd generate` failed exit status {words}");
    for (app, arguments, words) in [
        (
            "apps/kubia",
            &["--param", "env=prdo"][..],
            run("2: error: there is no environment `prdo`; there are dev, prod"),
        ),
        (
            "apps/kubia",
            &["--namespace", "elsewhere"],
            run("2: error: say which environment, with the plugin's parameter `env`; there are dev, prod"),
        ),
        ("apps/nothing", &[], run("2: error: there is no statewright.yaml in this folder")),
        ("apps/empty", &[], run("1: error[")),
        (
            "apps/broken",
            &[],
            run("1: error[SW0101 unknown-field]: the app has no field `replica`\n --> statewright.yaml:6:1"),
        ),
        ("apps/newer", &["--kube-version", "v1.29.4-gke.100"], run("1: error[SW0201 refused]")),
        (
            "apps/kubia",
            &["--param", "env=prod", "--plugin-name", "statewrong"],
            "could not find cmp-server plugin with name \"statewrong\"".to_owned(),
        ),
        ("apps/kubia", &["--select", "unnamed"], "could not find plugin supporting the given repository".to_owned()),
    ] {
        let round = argo_cd.round(app, arguments);
        assert!(round.error.contains(&words), "{app} {arguments:?}: {}", round.error);
        assert_eq!(round.manifests.len(), 0, "{app} {arguments:?}");
    }
    let newer = argo_cd.round("apps/newer", &["--kube-version", "1.36.2"]);
    assert_eq!((newer.error.as_str(), newer.manifests.len()), ("", 3));
}

/// Texts that a reader of lines could take for the end of a document, and that a reader of YAML could take for
/// something else. One is not among them: a NEL (U+0085), which Argo CD reads rightly, writes as JSON, reads once more
/// as YAML, and so makes a space.
#[test]
fn argo_cd_reads_every_text_as_it_was_meant() {
    let repository = repository();
    let Some(argo_cd) = argo_cd(&repository) else { return };
    let texts = [
        "--- foo",
        "a\n---\nb",
        "---",
        "\n--- b\n",
        "yes",
        "0777",
        "12:30",
        "1_000",
        "1e3",
        "~",
        "",
        " x ",
        "{{",
        "é\u{2028}",
        "…",
    ];
    let env: Value = texts
        .iter()
        .enumerate()
        .map(|(number, text)| (format!("T{number}"), json!(text.replace("{{", "[["))))
        .collect();
    let spec = format!(
        "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\nports: {{http: 8080}}\nenv: \
            {env}\n"
    );
    repository.write("apps/texts/statewright.yaml", spec);
    let round = argo_cd.round("apps/texts", &[]);
    assert_eq!(round.error, "");
    let set = round.manifests.iter().find(|object| object["kind"] == "StatefulSet").unwrap();
    let read: BTreeMap<String, String> = set["spec"]["template"]["spec"]["containers"][0]["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (entry["name"].as_str().unwrap().to_owned(), entry["value"].as_str().unwrap_or_default().to_owned())
        })
        .collect();
    for (number, text) in texts.iter().enumerate() {
        assert_eq!(read[&format!("T{number}")], text.replace("{{", "[["), "T{number}");
    }
}

#[test]
fn argo_cd_without_a_plugin_reads_the_committed_folder_and_nothing_else() {
    let repository = repository();
    let Some(argo_cd) = argo_cd(&repository) else { return };
    for folder in ["apps/kubia/deploy/prod", "shop/deploy/prod/web"] {
        let round = argo_cd.round(folder, &["--select", "none"]);
        assert_eq!((round.error.as_str(), round.source_type.as_str()), ("", "Directory"), "{folder}");
        assert_eq!(sorted(round.manifests), objects(&committed(&repository.path().join(folder))), "{folder}");
    }
    // The spec is not taken for a manifest. That this is a success without objects is why an Application must name the
    // plugin.
    let round = argo_cd.round("apps/kubia", &["--select", "none"]);
    assert_eq!((round.error.as_str(), round.source_type.as_str(), round.manifests.len()), ("", "Directory", 0));
}

#[test]
fn argo_cd_may_ask_twenty_times_at_once() {
    let repository = repository();
    let Some(argo_cd) = argo_cd(&repository) else { return };
    let expected = objects(&committed(&repository.path().join("apps/kubia/deploy/prod")));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let round = argo_cd.round("apps/kubia", &["--param", "env=prod"]);
                assert_eq!((round.error.as_str(), sorted(round.manifests)), ("", expected.clone()));
            });
        }
    });
}

/// Flux makes a kustomization of every .yaml and .yml below the folder, and builds it.
#[test]
fn flux_reads_the_committed_folder_and_nothing_else() {
    let repository = repository();
    if !is_kubectl_there("the committed folder as Flux builds it") {
        return;
    }
    let folder = repository.path().join("shop/deploy/prod/web");
    let expected = objects(&committed(&folder));
    let manifests: Vec<String> =
        manifests(&folder).map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    fs::write(folder.join("kustomization.yaml"), json!({"resources": manifests}).to_string()).unwrap();
    let built = Command::new("kubectl").arg("kustomize").arg(&folder).output().unwrap();
    assert!(built.status.success(), "{}", said(&built));
    let built: Vec<String> = String::from_utf8(built.stdout).unwrap().split("---\n").map(str::to_owned).collect();
    assert_eq!(objects(&built), expected);
    let example: Vec<Value> =
        integration("flux/kustomization.yaml").split("---\n").map(|text| serde_yaml::from_str(text).unwrap()).collect();
    assert_eq!(example[1]["spec"]["sourceRef"]["name"], example[0]["metadata"]["name"]);
}
