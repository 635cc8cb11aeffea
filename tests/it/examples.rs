//! Every example compiles to exactly what is committed beside it, in every way of asking.

use crate::commands::{copy, root, statewright};
use crate::scratch::Scratch;
use std::fs;
use std::path::PathBuf;

fn examples() -> Vec<PathBuf> {
    let mut list: Vec<PathBuf> = fs::read_dir(root().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    list.sort();
    assert!(list.len() >= 7, "the examples are gone: {list:?}");
    list
}

#[test]
fn committed_output_is_fresh() {
    if std::env::var_os("UPDATE").is_some() {
        assert_eq!(statewright(&root(), &["compile", "examples", "--force"]).code, 0);
    }
    let run = statewright(&root(), &["compile", "examples", "--check"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let run = statewright(&root(), &["diff", "examples"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "no changes (against the files on disk)\n"), "{}", run.stderr);
}

#[test]
fn what_was_touched_is_named() {
    let scratch = Scratch::new("examples");
    for example in examples() {
        let folder = scratch.path().join(example.file_name().unwrap());
        copy(&example, &folder);
        let environment = fs::read_dir(folder.join("deploy")).unwrap().next().unwrap().unwrap().path();
        let file = environment.join(
            fs::read_dir(&environment)
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .find(|name| name.to_string_lossy().starts_with("Service"))
                .unwrap(),
        );
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("metadata:", "metadata: # touched")).unwrap();
        let run = statewright(&folder, &["compile", "--check"]);
        assert_eq!(run.code, 1);
        assert!(
            run.stderr.contains(&*file.file_name().unwrap().to_string_lossy()) && run.stderr.contains("edited by hand"),
            "{}",
            run.stderr
        );
        assert_eq!(statewright(&folder, &["compile"]).code, 1, "an edited file was overwritten");
        assert!(fs::read_to_string(&file).unwrap().contains("# touched"));
        assert_eq!(statewright(&folder, &["compile", "--force"]).code, 0);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        fs::remove_file(&file).unwrap();
        let run = statewright(&folder, &["compile", "--check"]);
        assert!(run.code == 1 && run.stderr.contains("missing"), "{}", run.stderr);
        assert_eq!(statewright(&folder, &["compile"]).code, 0);
        let spec = folder.join("statewright.yaml");
        let text = fs::read_to_string(&spec).unwrap();
        fs::write(&spec, text.replace("kind: App", "kind: App\nlabels: {tier: stale}")).unwrap();
        let run = statewright(&folder, &["compile", "--check"]);
        assert!(run.code == 1 && run.stderr.contains("stale"), "{}", run.stderr);
        let run = statewright(&folder, &["diff"]);
        assert!(run.code == 1 && run.stdout.contains("tier"), "{}", run.stdout);
    }
}

#[test]
fn streams_and_views_come_in_every_form() {
    let root = root();
    let yaml = statewright(&root, &["compile", "examples/kubia", "--env", "dev", "-o", "yaml"]);
    assert_eq!(yaml.code, 0);
    assert_eq!(yaml.stdout.matches("\nkind: ").count(), 6, "{}", yaml.stdout);
    let json = statewright(&root, &["compile", "examples/kubia", "--env", "dev", "-o", "json"]);
    let list: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 6);
    assert!(statewright(&root, &["compile", "examples/kubia", "-o", "kyaml"]).stdout.starts_with("---\n{"));
    let table = statewright(&root, &["inspect", "examples/kubia", "--env", "prod"]).stdout;
    assert!(table.contains("kubia-4.kubia.pets.svc.cluster.local") && table.contains("disks/kubia-4"), "{table}");
    let json: serde_json::Value =
        serde_json::from_str(&statewright(&root, &["inspect", "examples/kubia", "--format", "json"]).stdout).unwrap();
    assert_eq!(json[0]["replicas"][2]["claims"][0]["volume"], "default.data-kubia-2");
    assert!(statewright(&root, &["inspect", "examples/kubia", "--format", "mermaid"]).stdout.starts_with("graph LR"));
    let picture = statewright(&root, &["inspect", "examples/kubia", "-o", "svg"]).stdout;
    assert!(picture.starts_with("<svg xmlns=") && picture.contains("kubia in prod"), "{picture}");
    for part in ["Pod kubia-4", "Claim data-kubia-4", "Volume pets.data-kubia-4", "Pod kubia-2"] {
        assert!(picture.contains(&format!("<title>{part}</title>")), "{part} is not in {picture}");
    }
    assert!(!picture.contains("unchanged"), "nothing is compared here: {picture}");
}

#[test]
fn peers_are_one_line() {
    let value = |app: &str, environment: &str, name: &str| {
        let run = statewright(&root(), &["compile", &format!("examples/{app}"), "--env", environment, "-o", "yaml"]);
        let mut lines = run.stdout.lines().skip_while(|line| line.trim() != format!("- name: {name}"));
        lines.nth(1).unwrap_or_default().trim().trim_start_matches("value: ").trim_matches('"').to_owned()
    };
    assert_eq!(
        value("kafka", "prod", "KAFKA_CONTROLLER_QUORUM_VOTERS"),
        "0@kafka-0.kafka.kafka.svc.cluster.local:9093,1@kafka-1.kafka.kafka.svc.cluster.local:9093,2@kafka-2.kafka.kafka.svc.cluster.local:9093"
    );
    assert_eq!(
        value("etcd", "dev", "ETCD_INITIAL_CLUSTER"),
        "etcd-0=http://etcd-0.etcd.default.svc.cluster.local:2380"
    );
    assert_eq!(
        value("mongodb", "stage", "MONGODB_URI"),
        "mongodb://mongodb-0.mongodb.mongo-stage.svc.cluster.local:27017,mongodb-1.mongodb.mongo-stage.svc.cluster.local:27017,mongodb-2.mongodb.mongo-stage.svc.cluster.local:27017/?replicaSet=rs0"
    );
}
