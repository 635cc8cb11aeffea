//! `uses`: who takes what of a cluster, and how much of it there is.

use crate::commands::statewright;
use crate::scratch::Scratch;
use serde_json::{Value, json};

fn workspace() -> Scratch {
    let scratch = Scratch::new("uses");
    scratch.write(
        "statewright-workspace.yaml",
        "apiVersion: statewright/v1\nkind: Workspace\nenvironments:\n  prod: {namespace: shop, cluster: eu}\n  dev: \
         {namespace: shop, cluster: lab}\nclusters: {eu: {manifests: [quota.yaml], nodes: [{name: a, cpu: 4, memory: \
         8Gi}, {name: b, cpu: 3500m, memory: 8Gi}]}}\n",
    );
    scratch.write(
        "quota.yaml",
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: small, namespace: shop}\nspec: {hard: {pods: '4', \
         requests.storage: 90Gi, count/services: '9', ssd.storageclass.storage.k8s.io/requests.storage: 20Gi}}\n",
    );
    scratch.write(
        "web/statewright.yaml",
        "apiVersion: statewright/v1\nkind: App\nname: web\nimage: acme/web:1.4.2\nreplicas: 3\nports: {http: \
         8080}\nservices: {public: {type: LoadBalancer, loadBalancerIP: 10.0.0.5, ports: {http: {port: 80, \
         nodePort: 30080}}}}\nresources: {requests: {cpu: 500m, memory: 1Gi}}\nstorage: {data: {mount: /data, size: 10Gi, class: \
         ssd}}\n",
    );
    scratch.write(
        "db/statewright.yaml",
        "apiVersion: statewright/v1\nkind: App\nname: db\nimage: acme/db:1.4.2\nreplicas: 2\nports: {sql: \
         5432}\nstorage: {data: {mount: /data, size: 5Gi}}\nvolumes: {nfs: {server: files, path: '/srv/{{ env }}/{{ pod \
         }}'}}\n",
    );
    scratch
}

#[test]
fn what_apps_take_and_use_is_listed_by_cluster() {
    let scratch = workspace();
    let run = statewright(scratch.path(), &["uses", "--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let clusters: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    let names: Vec<&str> = clusters.iter().map(|cluster| cluster["cluster"].as_str().unwrap()).collect();
    assert_eq!(names, ["eu", "lab"]);
    let eu = &clusters[0];
    let of = |sort: &str| -> Vec<String> {
        let uses = eu["uses"].as_array().unwrap().iter().filter(|one| one["use"] == sort);
        uses.map(|one| {
            format!(
                "{} {} {}",
                one["app"].as_str().unwrap(),
                one["what"].as_str().unwrap(),
                one["object"].as_str().unwrap()
            )
        })
        .collect()
    };
    assert_eq!(of("node-port"), ["web node port 30080/TCP Service/shop/web-public"]);
    assert_eq!(of("address"), ["web address 10.0.0.5:80/TCP Service/shop/web-public"]);
    assert_eq!(of("disk").len(), 2, "{:?}", of("disk"));
    assert!(of("disk")[0].contains("/srv/prod/db-0"), "{:?}", of("disk"));
    assert!(of("name").contains(&"db StatefulSet shop/db StatefulSet/shop/db".to_owned()), "{:?}", of("name"));
    assert_eq!(eu["total"], json!({"replicas": 5, "cpu": "1500m", "memory": "3Gi", "storage": "40Gi"}));
    assert_eq!(eu["allocatable"], json!({"cpu": "7500m", "memory": "16Gi"}));
    assert_eq!(
        eu["storage_classes"],
        json!([{"class": "ssd", "claims": "3", "storage": "30Gi"}, {"class": null, "claims": "2", "storage": "10Gi"}])
    );
    let over: Vec<&str> = eu["quotas"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|limit| limit["exceeded"] == true)
        .map(|limit| limit["resource"].as_str().unwrap())
        .collect();
    assert_eq!(over, ["pods", "ssd.storageclass.storage.k8s.io/requests.storage"]);
    assert_eq!(clusters[1]["quotas"], json!([]));
    let table = statewright(scratch.path(), &["uses", "--env", "prod", "--only", "node-port"]).stdout;
    assert!(table.starts_with("cluster eu\n") && !table.contains("disk"), "{table}");
    assert!(table.contains("node-port  node port 30080/TCP  web  prod         Service/shop/web-public"), "{table}");
    let limit = table.lines().find(|line| line.starts_with("shop/small  pods ")).unwrap_or_default();
    assert!(limit.trim_end().ends_with(" 5      4 (exceeded)"), "{table}");
}

#[test]
fn two_services_that_want_one_address_are_said() {
    let scratch = workspace();
    let other = |address: &str, port: u32| {
        format!(
            "apiVersion: statewright/v1\nkind: App\nname: db\nimage: acme/db:1.4.2\nports: {{sql: 5432}}\nservices: \
             {{public: {{type: LoadBalancer, loadBalancerIP: {address}, ports: {{sql: {port}}}}}}}\nstorage: {{data: {{mount: /data, \
             size: 1Gi}}}}\n"
        )
    };
    for (address, port, said) in [("10.0.0.5", 80, true), ("10.0.0.5", 81, false), ("10.0.0.6", 80, false)] {
        scratch.write("db/statewright.yaml", other(address, port));
        let run = statewright(scratch.path(), &["check"]);
        assert_eq!(run.stderr.contains("both want address 10.0.0.5:80/TCP"), said, "{address}:{port}: {}", run.stderr);
    }
}

#[test]
fn an_app_knows_the_others_of_its_workspace() {
    let scratch = Scratch::new("others");
    scratch.write(
        "statewright-workspace.yaml",
        "apiVersion: statewright/v1\nkind: Workspace\nenvironments:\n  prod: {namespace: shop}\n  dev: {namespace: \
         play}\n",
    );
    scratch.write(
        "search/statewright.yaml",
        "apiVersion: statewright/v1\nkind: App\nname: es-master\nimage: acme/es:8.1.0\nreplicas: 2\nports: {http: 9200}\nservices: \
         {client: {http: 9200}}\n",
    );
    let web = |expression: &str| {
        scratch.write(
            "web/statewright.yaml",
            format!(
                "apiVersion: statewright/v1\nkind: App\nname: web\nimage: acme/web:1.4.2\nports: {{http: 8080}}\nenv: {{ES: \
                 \"{{{{ {expression} }}}}\"}}\n"
            ),
        );
        let run = statewright(scratch.path(), &["compile", "web", "-o", "yaml", "--env", "prod"]);
        let value = run
            .stdout
            .lines()
            .skip_while(|line| !line.contains("name: ES"))
            .nth(1)
            .unwrap_or_default()
            .trim()
            .to_owned();
        (value.trim_start_matches("value: ").trim_matches('"').to_owned(), run)
    };
    for (expression, value) in [
        (
            "app('es-master').peers | format_each('{fqdn}:9300') | join(',')",
            "es-master-0.es-master.shop.svc.cluster.local:9300,es-master-1.es-master.shop.svc.cluster.local:9300",
        ),
        ("app('es-master').fqdn()", "es-master.shop.svc.cluster.local"),
        ("app('es-master').fqdn(1)", "es-master-1.es-master.shop.svc.cluster.local"),
        ("app('es-master').service('client')", "es-master-client.shop.svc.cluster.local"),
        ("app('es-master').srv('http')", "_http._tcp.es-master.shop.svc.cluster.local"),
        ("app ~ '-' ~ app('es-master').name ~ '-' ~ app('es-master').replicas", "web-es-master-2"),
    ] {
        let (got, run) = web(expression);
        assert_eq!(got, value, "{expression}: {}", run.stderr);
    }
    for (expression, said) in [
        ("app('es-mastr').fqdn()", "there is no app `es-mastr` in this workspace; did you mean `es-master`?"),
        ("app(1).fqdn()", "web/statewright.yaml:6"),
        ("app('es-master').nosuch", "web/statewright.yaml:6"),
    ] {
        let (_, run) = web(expression);
        assert!(run.code == 1 && run.stderr.contains(said), "{expression}: {}", run.stderr);
    }
    // An app that two ask for each other is no circle: who they are depends on nobody else.
    scratch.write(
        "search/statewright.yaml",
        "apiVersion: statewright/v1\nkind: App\nname: es-master\nimage: acme/es:8.1.0\nreplicas: \"{{ \
         app('web').replicas }}\"\nports: {http: 9200}\n",
    );
    let (_, run) = web("app('es-master').fqdn()");
    assert!(run.code == 1 && run.stderr.contains("cannot be told"), "{}", run.stderr);
}
