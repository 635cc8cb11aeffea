//! The examples that `init --like` begins with: the specs of `examples/` and the files that they name.

/// An example, as it is in `examples/`.
pub(super) struct Example {
    /// `redis`.
    pub(super) name: &'static str,
    /// Its spec.
    pub(super) spec: &'static str,
    /// The files beside it, by their paths from there.
    pub(super) files: &'static [(&'static str, &'static str)],
}

macro_rules! examples {
    ($($name:literal: [$($file:literal),*],)*) => {
        &[$(Example {
            name: $name,
            spec: include_str!(concat!("../../examples/", $name, "/statewright.yaml")),
            files: &[$(($file, include_str!(concat!("../../examples/", $name, "/", $file)))),*],
        }),*]
    };
}

/// All that are there, by name.
pub(super) static EXAMPLES: &[Example] = examples! {
    "cassandra": [],
    "clickhouse": ["conf/cluster.xml", "conf/keeper.xml"],
    "cockroachdb": [],
    "consul": ["conf/server.json"],
    "elasticsearch": ["conf/elasticsearch.yml"],
    "etcd": [],
    "kafka": [],
    "loki": ["conf/config.yaml"],
    "minio": [],
    "mongodb": ["conf/initiate.js", "conf/initiate.sh"],
    "nats": ["conf/cluster.conf", "conf/nats.conf"],
    "opensearch": [],
    "postgres": ["conf/postgresql.conf", "conf/replicator.sh", "conf/standby.sh"],
    "prometheus": ["conf/alerts.yml", "conf/prometheus.yml"],
    "rabbitmq": ["conf/rabbitmq.conf"],
    "redis": ["conf/configure.sh", "conf/redis.conf", "conf/sentinel.conf"],
    "valkey": ["conf/create.sh", "conf/valkey.conf"],
    "vault": ["conf/vault.hcl"],
    "web": [],
    "zookeeper": [],
};

impl Example {
    /// Its spec under another name. The schema that its first line names is one of this repository.
    pub(super) fn named(&self, name: &str) -> String {
        let own = format!("name: {}", self.name);
        let lines = self.spec.lines().filter(|line| !line.starts_with("# yaml-language-server:"));
        let line = |line: &str| if line == own { format!("name: {name}\n") } else { format!("{line}\n") };
        lines.map(line).collect()
    }
}
