//! Who reaches the pods: clients of a port, and the one who reads metrics.

use super::files::Texts;
use crate::block::{Named, Placed, block, either, kubernetes, words};
use crate::value::Text;

/// Who may connect, by the name of a port.
pub(crate) type Network = Named<Placed<Clients>>;

words! {
    /// Clients that have a word.
    pub(crate) enum Known {
        /// The pods of the app itself.
        Peers = "peers",
        /// All pods of the app's namespace.
        Namespace = "namespace",
        /// Everybody.
        Any = "any",
    }
}

either! {
    /// Who may connect to a port: one, or several.
    pub(crate) enum Clients {
        /// One that has a word.
        Known(Known),
        /// One in Kubernetes' words.
        Described(Described),
        /// Several.
        Several(Vec<Placed<Client>>),
    }
}

either! {
    /// One of several who may connect.
    pub(crate) enum Client {
        /// One that has a word.
        Known(Known),
        /// One in Kubernetes' words.
        Described(Described),
    }
}

kubernetes! {
    /// Any field of a NetworkPolicyPeer.
    Described = "networking.v1.NetworkPolicyPeer";
}

either! {
    /// Where metrics are read: the port, or more.
    pub(crate) enum Monitor {
        /// The port.
        Port(Placed<Text>),
        /// The long form.
        Form(MonitorForm),
    }
}

block! {
    /// Where the Prometheus Operator reads metrics of each pod.
    pub(crate) struct MonitorForm = "`monitor`", needs ["port"] {
        /// The container port that serves them, by name.
        /// Example: `metrics`
        port: Placed<Text>,
        /// The path; default: `/metrics`.
        /// Example: `/_prometheus/metrics`
        path: Placed<Text>,
        /// `http` or `https`; default: `http`.
        /// Example: `https`
        scheme: Placed<Text>,
        /// How often they are read; default: what Prometheus says.
        /// Example: `30s`
        interval: Placed<Text>,
        /// How long an answer may take.
        /// Example: `10s`
        scrape_timeout as "scrapeTimeout": Placed<Text>,
        /// Labels of the monitor, by which a Prometheus finds it.
        /// Example: `{release: prometheus}`
        labels: Texts,
    }
}
