//! Asks the model what a real API server was asked of custom resources, and compares the answers: the verdict, the set
//! of (field, type), and the words.

use serde_json::Value;
use statewright::api::admission::{Answer, Stage};
use statewright::api::custom::{self, Customs};
use statewright::diagnostic::Diagnostics;
use statewright::k8s::version::Version;
use statewright::source::Sources;
use statewright::value::Node;
use statewright::yaml::{parts, read_part};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How many verdicts must agree. Only ever raised.
const LEAST_VERDICTS: f64 = 0.995;
/// The same for the sets of (field, type).
const LEAST_SETS: f64 = 0.995;
/// The same for the words.
const LEAST_WORDS: f64 = 0.995;

/// From this length on, words were cut off when they were recorded.
const CUT: usize = 280;

/// Whose answers the files hold.
const RECORDED: Version = Version::minor(36);

#[test]
fn custom_resources_are_judged_as_the_server_judged_them() {
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")];
    folders.extend(std::env::var_os("STATEWRIGHT_CONFORMANCE").map(PathBuf::from));
    for folder in folders {
        judge_folder(&folder);
    }
}

#[derive(Default)]
struct Count {
    all: usize,
    verdicts: usize,
    sets: usize,
    words: usize,
}

fn judge_folder(folder: &Path) {
    let texts = definitions(&folder.join("crds"));
    let customs = Customs::from_crds(&texts.iter().flat_map(|text| nodes(text)).collect::<Vec<_>>());
    let lenient: Vec<Node> = texts
        .iter()
        .flat_map(|text| nodes(&text.replace("legacy: {type: string, maxLength: 3}", "legacy: {type: string}")))
        .collect();
    let lenient = Customs::from_crds(&lenient);
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.starts_with("custom-resources") && name.strip_suffix(".jsonl").is_some());
    names.sort();
    assert!(!names.is_empty(), "{}", folder.display());
    for name in names {
        let mut count = Count::default();
        for line in std::fs::read_to_string(folder.join(&name)).unwrap().lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            compare(&case, &customs, &lenient, &mut count);
        }
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let share = |part: usize| part as f64 / count.all as f64;
        println!(
            "{name}: {} cases, verdicts {}, sets {}, words {}",
            count.all, count.verdicts, count.sets, count.words
        );
        if std::env::var_os("LOOK").is_some() {
            continue;
        }
        let least = if name.contains("by-hand") { (1.0, 1.0, 1.0) } else { (LEAST_VERDICTS, LEAST_SETS, LEAST_WORDS) };
        assert!(
            share(count.verdicts) >= least.0 && share(count.sets) >= least.1 && share(count.words) >= least.2,
            "{name}"
        );
    }
}

/// One thing that is wrong: the field, its type, the words.
type Cause = (String, String, String);

fn compare(case: &Value, customs: &Customs, lenient: &Customs, count: &mut Count) {
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    let Some(answer) = ask(text("new"), case["old"].as_str(), case["note"].is_string(), customs, lenient) else {
        return;
    };
    count.all += 1;
    let same_verdict = answer.is_accepted() == (text("verdict") == "accepted");
    let recorded: BTreeSet<Cause> = case["errors"].as_array().into_iter().flatten().map(cause).collect();
    let nowhere: Vec<&str> = recorded.iter().filter(|cause| cause.0 == "<nil>").map(|cause| cause.2.as_str()).collect();
    let told: BTreeSet<Cause> = answer
        .refusals
        .iter()
        .map(|refusal| {
            let kind = if refusal.kind == custom::UNCHECKED { "FieldValueInvalid" } else { refusal.kind };
            // The server names no field where several schemas disagree; the model does.
            let field = if !refusal.detail.is_empty() && nowhere.iter().any(|said| said.ends_with(&refusal.detail)) {
                "<nil>"
            } else {
                &refusal.field
            };
            (field.to_owned(), kind.to_owned(), refusal.detail.clone())
        })
        .collect();
    // Of updates and of what could not be read only the words were kept.
    let only_words = case["old"].is_string() || text("stage") == "http400";
    let set = |causes: &BTreeSet<Cause>| {
        causes.iter().map(|cause| (cause.0.clone(), cause.1.clone())).collect::<BTreeSet<_>>()
    };
    let same_set = same_verdict && (only_words || set(&recorded) == set(&told));
    let is_validated = answer.stage.is_none_or(|stage| stage == Stage::Validate);
    let same_words = same_verdict
        && if only_words {
            !is_validated
                || told.iter().all(|told| text("message").contains(&told.0) && text("message").contains(&told.2))
        } else {
            let said = |said: &Cause, told: &Cause| {
                // Long words were cut off.
                let cut = said.2.chars().count() >= CUT;
                said.2.is_empty() || said.2.ends_with(&told.2) || cut && said.2.contains(": ")
            };
            recorded.iter().all(|one| told.iter().any(|told| told.0 == one.0 && told.1 == one.1 && said(one, told)))
        };
    count.verdicts += usize::from(same_verdict);
    count.sets += usize::from(same_set);
    count.words += usize::from(same_words);
    if !(same_verdict && same_set && same_words) {
        println!(
            "{}: {}\n  server {} {recorded:?} {}\n  model  {:?} {told:?}\n",
            text("id"),
            text("change"),
            text("verdict"),
            text("message"),
            answer.stage
        );
    }
}

fn cause(error: &Value) -> Cause {
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    (text("field"), text("type"), text("message"))
}

fn ask(new: &str, old: Option<&str>, is_lenient: bool, customs: &Customs, lenient: &Customs) -> Option<Answer> {
    let new = nodes(new).into_iter().next()?;
    let Some(old) = old else { return Some(custom::create(&new, customs, RECORDED)) };
    let old = nodes(old).into_iter().next()?;
    let stored = custom::create(&old, if is_lenient { lenient } else { customs }, RECORDED)
        .object
        .expect("the old object is taken");
    Some(custom::apply(&old, &stored, &new, customs, RECORDED).answer)
}

fn definitions(folder: &Path) -> Vec<String> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

fn nodes(text: &str) -> Vec<Node> {
    let mut sources = Sources::default();
    let id = sources.add("t", text);
    parts(text)
        .into_iter()
        .filter_map(|part| read_part(id, text, part, &mut Diagnostics::default()).flatten())
        .collect()
}
