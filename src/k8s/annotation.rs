//! Annotations and labels that Kubernetes itself gives a meaning.

/// Marks a StorageClass as the one of claims that name none: `pkg/volume/util/storageclass.go: GetDefaultClass`.
pub(crate) const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// The same, as it was called before.
pub(crate) const DEFAULT_CLASS_BETA: &str = "storageclass.beta.kubernetes.io/is-default-class";
