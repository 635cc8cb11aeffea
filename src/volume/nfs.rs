//! A folder of an NFS server.

use super::{Contribution, Static, absolute, missing, text};
use crate::block::{Placed, block};
use crate::diagnostic::Diagnostics;
use crate::value::{Map, Node, Text};

block! {
    /// A folder of an NFS server.
    pub(crate) struct Nfs = "`nfs`", needs ["server", "path"] {
        /// The server.
        /// Example: `nfs.example.com`
        server: Placed<Text>,
        /// The folder that it exports.
        /// Example: `"/exports/{{ pod }}"`
        path: Placed<Text>,
        /// Whether it is mounted for reading only.
        /// Example: `true`
        read_only as "readOnly": Placed<bool>,
    }
}

impl Static for Nfs {
    fn contribute(&self, found: &mut Diagnostics) -> Option<Contribution> {
        let (Some(server), Some(path)) = (&self.server, &self.path) else {
            let name = if self.server.is_none() { "server" } else { "path" };
            missing("`nfs`", name, "an NFS volume needs a server and the folder that it exports", self.at, found);
            return None;
        };
        absolute(path, found);
        let read_only = self.read_only.as_ref().map(|value| Node::bool(value.value, value.at));
        Some(Contribution {
            field: "nfs",
            source: Node::of(
                self.at,
                [("server", Some(text(server))), ("path", Some(text(path))), ("readOnly", read_only)],
            ),
            reach: None,
            labels: Map::new(),
            disk: format!("{}:{}", server.value, path.value),
            shared: true,
        })
    }
}
