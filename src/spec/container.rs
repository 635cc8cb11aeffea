//! A container, as the user writes it: main, sidecar or init.

use super::files::{Files, Mount, Scratch, Secret};
use crate::block::{Named, Open, Placed, Scalar, block, either};
use crate::value::{Node, Text};

block! {
    /// A container. Any field of Kubernetes' Container may stand beside these and wins over what they produce.
    pub(crate) struct Container = "a container", rest "core.v1.Container" {
        /// The image, with a tag or a digest.
        /// Example: `docker.io/luksa/kubia-pet:1.0`
        image: Placed<Text>,
        /// When the node asks the registry again.
        /// Words: `Always`, `IfNotPresent`, `Never`
        /// Example: `IfNotPresent`
        image_pull_policy as "imagePullPolicy": Placed<Text>,
        /// What is run in place of the image's entry point.
        /// Example: `[/bin/server]`
        command: Vec<Placed<Scalar>>,
        /// Arguments of the command.
        /// Example: `[--verbose]`
        args: Vec<Placed<Scalar>>,
        /// The folder that it is run in.
        /// Example: `/srv`
        working_dir as "workingDir": Placed<Text>,
        /// What it may use. `{cpu, memory}` asks for both and limits the memory; Kubernetes' form with `requests` and
        /// `limits` is taken as it is.
        /// Example: `{cpu: 500m, memory: 1Gi}`
        resources: Placed<Open>,
        /// The ports that it listens on, by name. Services, probes and SRV records speak of them by these names.
        /// Example: `{http: 8080}`
        ports: Named<Port>,
        /// Environment variables. Numbers and truth values are written as text.
        /// Example: `{LOG_LEVEL: info, PASSWORD: {secret: db/password}}`
        env: Named<Placed<EnvValue>>,
        /// Whole Secrets and ConfigMaps as environment variables.
        /// Example: `[{secret: db}]`
        env_from as "envFrom": Vec<EnvFrom>,
        /// When it is ready, alive, started.
        /// Example: `{ready: {http: /healthz, port: http}}`
        probes: Probes,
        /// Files put into a folder: from beside the spec, or written here. A change restarts the pods.
        /// Example: `{/etc/redis: {redis.conf: {from: conf/redis.conf}}}`
        files: Named<Files>,
        /// Secrets mounted as folders, by name.
        /// Example: `{/run/tls: tls-secret}`
        secrets: Named<Placed<Secret>>,
        /// Folders that are empty when the pod starts and gone when it ends.
        /// Example: `{/tmp: {size: 1Gi}}`
        scratch: Named<Placed<Scratch>>,
        /// Where it sees volumes that others define: storage items, `shared` folders, or volumes under `pod:`. A list
        /// shows several parts of one volume.
        /// Example: `{data: /backup}`
        /// Example: `{data: [{path: /wal, subPath: wal}, {path: /backup, subPath: backup}]}`
        mounts: Named<Placed<Mount>>,
        /// An init container that keeps running beside the others.
        /// Example: `true`
        sidecar: Placed<bool>,
    }
}

either! {
    /// A port: its number, or more.
    pub(crate) enum Port {
        /// The number.
        Number(Placed<i64>),
        /// The long form.
        Form(PortForm),
    }
}

block! {
    /// A port.
    pub(crate) struct PortForm = "a port", needs ["port"], rest "core.v1.ContainerPort" {
        /// The number.
        /// Example: `8080`
        port: Placed<i64>,
        /// Default: TCP.
        /// Words: `TCP`, `UDP`, `SCTP`
        /// Example: `UDP`
        protocol: Placed<Text>,
    }
}

either! {
    /// The value of an environment variable.
    pub(crate) enum EnvValue {
        /// Itself.
        Value(Scalar),
        /// From elsewhere.
        Source(EnvSource),
    }
}

block! {
    /// Where the value of an environment variable comes from.
    pub(crate) struct EnvSource = "an environment variable", one_of ["secret", "config", "field", "resource", "value", "valueFrom"] {
        /// A key of a Secret.
        /// Example: `db/password`
        secret: Placed<Text>,
        /// A key of a ConfigMap.
        /// Example: `app/mode`
        config: Placed<Text>,
        /// A field of the pod.
        /// Example: `metadata.name`
        field: Placed<Text>,
        /// A resource of the container.
        /// Example: `limits.memory`
        resource: Placed<Text>,
        /// The value itself.
        /// Example: `info`
        value: Placed<Scalar>,
        /// Whether the Secret or ConfigMap may be missing.
        /// Example: `true`
        optional: Placed<bool>,
        /// Kubernetes' own form.
        /// Example: `{fieldRef: {fieldPath: status.podIP}}`
        value_from as "valueFrom": Node,
    }
}

block! {
    /// A whole Secret or ConfigMap as environment variables.
    pub(crate) struct EnvFrom = "an item of `envFrom`", one_of ["secret", "config"], rest "core.v1.EnvFromSource" {
        /// The Secret.
        /// Example: `db`
        secret: Placed<Text>,
        /// The ConfigMap.
        /// Example: `app`
        config: Placed<Text>,
        /// Whether it may be missing.
        /// Example: `true`
        optional: Placed<bool>,
    }
}

block! {
    /// When a container is ready, alive, started.
    pub(crate) struct Probes = "`probes`" {
        /// Until this succeeds the pod gets no traffic, and its successor does not start.
        /// Example: `{http: /healthz, port: http}`
        ready: Probe,
        /// When this fails the container is restarted.
        /// Example: `{tcp: http}`
        live: Probe,
        /// Until this succeeds the other two wait.
        /// Example: `{exec: [/bin/started]}`
        start: Probe,
    }
}

block! {
    /// A probe: one way of asking, and how often. The timing fields have Kubernetes' names.
    pub(crate) struct Probe = "a probe", one_of ["http", "tcp", "exec", "grpc", "httpGet", "tcpSocket"], rest "core.v1.Probe" {
        /// A path that must answer with 200 to 399.
        /// Example: `/healthz`
        http: Placed<Text>,
        /// The port that `http` asks, by name or number; default: the first port.
        /// Example: `http`
        port: Placed<Scalar>,
        /// HTTP or HTTPS.
        /// Words: `HTTP`, `HTTPS`
        /// Example: `HTTPS`
        scheme: Placed<Text>,
        /// A port that must accept connections, by name or number.
        /// Example: `redis`
        tcp: Placed<Scalar>,
        /// A command that must end with 0.
        /// Example: `[redis-cli, ping]`
        exec: Placed<Exec>,
        /// A port that answers gRPC's health protocol, by name or number.
        /// Example: `9090`
        grpc: Placed<Grpc>,
    }
}

either! {
    /// A command: its words, or Kubernetes' form.
    pub(crate) enum Exec {
        /// The words.
        Words(Vec<Placed<Scalar>>),
        /// `{command: […]}`.
        Form(Open),
    }
}

either! {
    /// A gRPC port, or Kubernetes' form.
    pub(crate) enum Grpc {
        /// The port.
        Port(Scalar),
        /// `{port, service}`.
        Form(Open),
    }
}
