//! A storage item: a claim template, where it is mounted, and where its volumes come from.

use super::files::{Access, Texts};
use crate::block::{Later, Placed, Scalar, block};
use crate::value::Text;
use crate::volume::Volumes;

block! {
    /// A storage item: each replica gets a claim of its own, which outlives the pod.
    pub(crate) struct Storage = "a storage item", needs ["size"], rest "core.v1.PersistentVolumeClaimSpec" {
        /// Where the main container sees it.
        /// Example: `/var/data`
        mount: Placed<Text>,
        /// How much each replica gets.
        /// Example: `10Gi`
        size: Placed<Scalar>,
        /// The storage class; default for `dynamic` volumes: the cluster's default class.
        /// Example: `standard`
        class: Placed<Text>,
        /// Default: ReadWriteOnce; one, or several.
        /// Words: `ReadWriteOnce`, `ReadWriteOncePod`, `ReadWriteMany`, `ReadOnlyMany`
        /// Example: `ReadWriteOncePod`
        access: Placed<Access>,
        /// Default: Filesystem; with Block, `mount` is the device's path.
        /// Words: `Filesystem`, `Block`
        /// Example: `Block`
        mode: Placed<Text>,
        /// The folder of the volume that is mounted; default: all of it.
        /// Example: `pgdata`
        sub_path as "subPath": Placed<Text>,
        /// Whether the container may only read it.
        /// Example: `true`
        read_only as "readOnly": Placed<bool>,
        /// Where its volumes come from, in place of the app's `volumes`.
        /// Example: `{dynamic: fast}`
        volume: Later<Volumes>,
        /// Labels of the claims; default: the selector. They can never change; `{}` for none.
        /// Example: `{app: kubia}`
        labels: Texts,
        /// Annotations of the claims.
        /// Example: `{example.com/backup: daily}`
        annotations: Texts,
    }
}
