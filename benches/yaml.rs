//! How long reading and writing manifests takes: `cargo bench --bench yaml [FOLDER]`. Prints figures, asserts nothing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads files and prints"
)]

use statewright::diagnostic::Diagnostics;
use statewright::source::Sources;
use statewright::yaml;
use std::time::Instant;

const MANIFEST: &str = r#"apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: kubia
  namespace: pets
  labels:
    app.kubernetes.io/name: kubia
    app.kubernetes.io/instance: kubia-prod
    app.kubernetes.io/managed-by: statewright
  annotations:
    example.com/checksum: "0123456789abcdef"
spec:
  serviceName: kubia
  replicas: 3
  podManagementPolicy: OrderedReady
  selector:
    matchLabels:
      app.kubernetes.io/name: kubia
  updateStrategy:
    type: RollingUpdate
  template:
    metadata:
      labels:
        app.kubernetes.io/name: kubia
    spec:
      terminationGracePeriodSeconds: 30
      containers:
      - name: kubia
        image: docker.io/luksa/kubia-pet:1.0
        imagePullPolicy: IfNotPresent
        env:
        - name: PEERS
          value: "kubia-0.kubia:8080,kubia-1.kubia:8080,kubia-2.kubia:8080"
        - name: POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        ports:
        - name: http
          containerPort: 8080
        readinessProbe:
          httpGet:
            path: /healthz
            port: http
          periodSeconds: 5
        resources:
          requests:
            cpu: 100m
            memory: 128Mi
        volumeMounts:
        - name: data
          mountPath: /var/data
  volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: ["ReadWriteOnce"]
      resources:
        requests:
          storage: 1Gi
"#;

fn main() {
    let count = 12_000;
    let text = vec![MANIFEST; count].join("---\n");
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per = |start: Instant| start.elapsed().as_secs_f64() * 1e6 / count as f64;
    println!("{count} manifests of {} lines, {} MB", MANIFEST.lines().count(), text.len() >> 20);
    for _ in 0..5 {
        let mut sources = Sources::default();
        let id = sources.add("stream.yaml", text.as_str());
        let mut found = Diagnostics::default();
        let text = sources.get(id).text.clone();
        let start = Instant::now();
        let parts = yaml::parts(&text);
        let split = per(start);
        let start = Instant::now();
        let nodes: Vec<_> =
            parts.iter().map(|part| yaml::read_part(id, &text, *part, &mut found).flatten().unwrap()).collect();
        let read = per(start);
        let start = Instant::now();
        let mut out = String::new();
        for node in &nodes {
            yaml::write_yaml(node, &mut out);
        }
        let write = per(start);
        let start = Instant::now();
        drop(nodes);
        println!(
            "per manifest: split {split:.1} µs, read {read:.1} µs, write {write:.1} µs, drop {:.1} µs",
            per(start)
        );
    }
}
