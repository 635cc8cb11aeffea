//! How long the model takes for one object: `cargo bench --bench admission [FILE…]`. Figures for people; no test reads
//! them.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a bench reads files, prints and may panic"
)]

use statewright::api::admission::{self, decode};
use statewright::diagnostic::Diagnostics;
use statewright::k8s::shape::shape_of;
use statewright::k8s::version::Version;
use statewright::source::Sources;
use statewright::yaml::{parts, read_part};
use std::hint::black_box;
use std::time::{Duration, Instant};

fn main() {
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let texts: Vec<String> = match given.as_slice() {
        [] => vec![STATEFUL_SET.to_owned()],
        files => files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect(),
    };
    let version = Version::NEWEST;
    for text in texts {
        let mut sources = Sources::default();
        let id = sources.add("manifest.yaml", text.as_str());
        for part in parts(&text) {
            let read = || read_part(id, &text, part, &mut Diagnostics::default());
            let Some(Some(node)) = read() else { continue };
            let field = |key| node.get(key).and_then(|value| value.as_str()).unwrap_or_default();
            let (api_version, kind) = (field("apiVersion"), field("kind"));
            let first = Instant::now();
            let Some(shape) = shape_of(api_version, kind, version) else { continue };
            let shape_cold = first.elapsed();
            let _ = black_box(decode::decode(&node, shape, decode::Door::Body));
            let cold = first.elapsed();
            println!("{kind}, {} bytes", part.end - part.start);
            println!("  first shape {shape_cold:?}, first decode {:?}", cold.saturating_sub(shape_cold));
            println!("  read        {:?}", each(|| drop(black_box(read()))));
            println!("  copy        {:?}", each(|| drop(black_box(node.clone()))));
            println!("  shape       {:?}", each(|| _ = black_box(shape_of(api_version, kind, version))));
            println!("  decode      {:?}", each(|| drop(black_box(decode::decode(&node, shape, decode::Door::Body)))));
            println!("  create      {:?}", each(|| drop(black_box(admission::create(&node, version)))));
        }
    }
}

/// The time of one call, over enough of them.
fn each(mut call: impl FnMut()) -> Duration {
    const ROUND: u32 = 200;
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        (0..ROUND).for_each(|_| call());
        best = best.min(start.elapsed() / ROUND);
    }
    best
}

const STATEFUL_SET: &str = r"apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: web
  namespace: shop
  labels: {app.kubernetes.io/name: web, app.kubernetes.io/part-of: shop}
spec:
  serviceName: web
  replicas: 3
  selector:
    matchLabels: {app.kubernetes.io/name: web}
  template:
    metadata:
      labels: {app.kubernetes.io/name: web, app.kubernetes.io/part-of: shop}
    spec:
      terminationGracePeriodSeconds: 30
      containers:
      - name: web
        image: registry.example.com/shop/web:1.4.2
        args: [--port=8080, --peers=web-0.web]
        env:
        - name: MODE
          value: production
        - name: POD
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        ports:
        - {name: http, containerPort: 8080}
        - {name: metrics, containerPort: 9090}
        readinessProbe:
          httpGet: {path: /healthz, port: http}
          periodSeconds: 5
        resources:
          requests: {cpu: 500m, memory: 1Gi}
          limits: {memory: 1Gi}
        volumeMounts:
        - {name: data, mountPath: /var/data}
        - {name: config, mountPath: /etc/web}
      volumes:
      - name: config
        configMap: {name: web-config}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: 10Gi}}
";
