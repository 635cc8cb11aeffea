//! The page of the examples: what each is, how much of it somebody wrote, and how much came out.

use crate::commands::root;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Short forms of which the page says who has them: what stands in a spec, what the page calls it, and what it is for.
const FORMS: [(&str, &str, &str); 7] = [
    ("network:", "`network`", "who may connect to which port; a port that is not named takes no connection"),
    ("apart:", "`apart`", "no two pods on one node, or in one zone"),
    ("spread:", "`spread`", "as many pods on each node or in each zone as on the others"),
    ("shared:", "`shared`", "folders that the containers of a pod share"),
    ("alone: true", "`alone`", "a file beside what the image has in its folder"),
    ("expressions: true", "`expressions`", "peers and other values in files of the app's own language"),
    ("ules:", "`rules`, `clusterRules`", "what the app may ask of the API server"),
];

pub(crate) fn examples() -> String {
    let mut folders: Vec<_> =
        fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut page = "\
# Examples

Real apps as specs, each after its own documentation or the chart of its project. Its README says after which, what it needs before \
it
starts, and what to know before it is changed. `statewright init --like redis` starts from one, in your repository.

| example | | environments | written | manifests |
|---|---|---|---|---|
"
    .to_owned();
    let mut having: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let (mut written, mut made) = (0, 0);
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy();
        let spec = fs::read_to_string(folder.join("statewright.yaml")).unwrap();
        for (word, _, _) in FORMS.iter().filter(|(word, _, _)| spec.contains(word)) {
            having.entry(word).or_default().push(name.to_string());
        }
        let own =
            lines(folder, &|path| !path.starts_with(folder.join("deploy")) && path.extension() != Some("md".as_ref()));
        let deployed = lines(folder, &|path| path.starts_with(folder.join("deploy")));
        let mut environments: Vec<String> = fs::read_dir(folder.join("deploy"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        environments.sort();
        let _ = writeln!(
            page,
            "| [{name}](../examples/{name}/README.md) | {} | {} | {own} | {deployed} |",
            first_sentence(&fs::read_to_string(folder.join("README.md")).unwrap()),
            environments.join(", ")
        );
        (written, made) = (written + own, made + deployed);
    }
    let _ = write!(
        page,
        "\nWritten: lines of the spec and of the files that it names. Manifests: lines for all environments together. Comments and empty \
         lines\ncount in neither. In all, {written} lines make {made}.\n\n## What they have in common\n\nThey have a governing Service that publishes addresses before pods are ready, and an environment for one replica, or the fewest that it \
         runs\nwith, beside one for production. And:\n\n| | what it says | in |\n|---|---|---|\n"
    );
    for (word, name, text) in FORMS {
        let names = &having[word];
        let said = if names.len() > 10 { format!("{} of them", names.len()) } else { names.join(", ") };
        let _ = writeln!(page, "| {name} | {text} | {said} |");
    }
    page + "\nWhere the Prometheus Operator is installed, `monitor: metrics` in a spec makes a PodMonitor of the port with that name.\n"
}

/// What a README says first, after its title.
fn first_sentence(readme: &str) -> String {
    let paragraph = readme.split("\n\n").nth(1).unwrap().replace('\n', " ");
    let sentence = paragraph.split_once(". ").map_or(&*paragraph, |(sentence, _)| sentence);
    let sentence = sentence.split_once(": ").map_or(sentence, |(before, _)| before);
    sentence.trim_end_matches('.').to_owned()
}

/// Lines that say something, in all files that pass.
fn lines(folder: &Path, pass: &dyn Fn(&Path) -> bool) -> usize {
    let files = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file() && pass(entry.path()));
    files
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')).count()
        })
        .sum()
}
