//! What the server asks of pods depends on its version, and is milder where the stored object is already as it should
//! not be.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidatePodSpec`.

use super::cause::{Causes, Path, flag, list, number, some, text};
use super::{affinity, resources, security, selector, spread, volume};
use crate::k8s::gate;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;

/// The lists of a pod that hold containers, in the order in which the server goes through them.
pub(crate) const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// The choices that the rules for pods leave open.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, clippy::struct_field_names, reason = "each is one choice of the server")]
pub(crate) struct Rules {
    /// The server's version.
    pub version: Version,
    /// The object is a Pod, not a template inside another kind.
    pub is_pod: bool,
    /// Names of variables may hold nearly anything.
    pub relaxed_variables: bool,
    /// Search domains may hold underscores, or be a dot.
    pub relaxed_searches: bool,
    /// A hook may sleep for no time.
    pub zero_sleep: bool,
    /// A pod may have resources of its own.
    pub pod_resources: bool,
    /// Init containers may say how they are resized.
    pub init_resize: bool,
    /// Init containers that are no sidecars may be restarted for a resize.
    pub init_resize_restart: bool,
    /// Keys in `matchLabelKeys` are merged into the selector of a spread constraint.
    pub merged_label_keys: bool,
    /// Containers may have rules for their restart.
    pub restart_rules: bool,
    /// Such a rule may restart all containers.
    pub restart_all: bool,
    /// Variables may come from files.
    pub variable_files: bool,
    /// Addresses must be written as they should.
    pub strict_addresses: bool,
    /// Only `Recursive` may be chosen for SELinux labels.
    pub recursive_labels_only: bool,
    /// A faulty cost of deletion is let through.
    pub faulty_deletion_cost: bool,
    /// Faulty label values in selectors of pod affinity are let through.
    pub faulty_affinity_values: bool,
    /// Faulty label values in required node affinity are let through.
    pub faulty_node_values: bool,
    /// Faulty selectors of spread constraints are let through.
    pub faulty_spread_selectors: bool,
    /// Paths of tokens that lead outside their volume are let through.
    pub faulty_token_paths: bool,
    /// Kernel settings of a namespace that the pod shares with its host are let through.
    pub shared_sysctls: bool,
    /// Amounts of huge pages that are no multiple of a page are let through.
    pub partial_huge_pages: bool,
    /// Tolerations may compare numbers.
    pub comparing_tolerations: bool,
    /// Block devices are let through in a user namespace.
    pub user_namespace_devices: bool,
    /// The host's network is let through in a user namespace.
    pub user_namespace_network: bool,
    /// Volumes made of images that nobody names are let through.
    pub unnamed_images: bool,
    /// `CAP_SYS_ADMIN` is let through where privileges may not be raised.
    pub unraised_admin: bool,
}

impl Rules {
    /// The rules for a template or pod: its new form decides nothing, the stored one what is let through.
    #[must_use]
    pub(crate) fn new(version: Version, is_pod: bool, stored: Option<&Node>) -> Self {
        let since = |minor: u8| version >= Version::minor(minor);
        let mut rules = Self {
            version,
            is_pod,
            relaxed_variables: gate::RELAXED_ENVIRONMENT_VARIABLE_VALIDATION.is_on(version),
            relaxed_searches: gate::RELAXED_DNS_SEARCH_VALIDATION.is_on(version),
            zero_sleep: gate::POD_LIFECYCLE_SLEEP_ACTION_ALLOW_ZERO.is_on(version),
            pod_resources: gate::POD_LEVEL_RESOURCES.is_on(version),
            init_resize: gate::IN_PLACE_POD_VERTICAL_SCALING.is_on(version),
            init_resize_restart: false,
            merged_label_keys: gate::MATCH_LABEL_KEYS_SELECTOR_MERGE.is_on(version),
            restart_rules: gate::CONTAINER_RESTART_RULES.is_on(version),
            restart_all: gate::RESTART_ALL_CONTAINERS.is_on(version),
            variable_files: gate::ENV_FILES.is_on(version),
            strict_addresses: gate::STRICT_IP_CIDR_VALIDATION.is_on(version),
            recursive_labels_only: !gate::SELINUX_MOUNT.is_on(version),
            faulty_deletion_cost: false,
            faulty_affinity_values: false,
            faulty_node_values: !since(32),
            faulty_spread_selectors: false,
            faulty_token_paths: false,
            shared_sysctls: false,
            partial_huge_pages: false,
            comparing_tolerations: gate::TAINT_TOLERATION_COMPARISON_OPERATORS.is_on(version),
            // The check came with 1.34 (`validateHostUsers`).
            user_namespace_devices: !since(34),
            user_namespace_network: gate::USER_NAMESPACES_HOST_NETWORK_SUPPORT.is_on(version),
            unnamed_images: false,
            unraised_admin: false,
        };
        if let Some(stored) = stored {
            rules.let_through(stored);
        }
        rules
    }

    /// What the stored pod or template already is may stay.
    fn let_through(&mut self, stored: &Node) {
        let nothing = Node::null(stored.at);
        let metadata = stored.get("metadata").unwrap_or(&nothing);
        let spec = stored.get("spec").unwrap_or(&nothing);
        self.faulty_deletion_cost = metadata
            .find(&["annotations", super::pod::DELETION_COST])
            .is_some_and(|cost| !super::pod::is_deletion_cost(cost.as_str().unwrap_or_default()));
        let containers = || CONTAINERS.iter().flat_map(|kind| list(spec, kind));
        self.zero_sleep |= containers().any(|container| {
            ["preStop", "postStart"].iter().any(|hook| {
                container.find(&["lifecycle", hook, "sleep"]).is_some_and(|sleep| number(sleep, "seconds") == 0)
            })
        });
        self.relaxed_variables |= containers().flat_map(|container| list(container, "env")).any(|variable| {
            let name = text(variable, "name");
            !name::environment_variable_strict(name).is_empty() && name::environment_variable(name).is_empty()
        });
        let inits = || list(spec, "initContainers").iter();
        self.init_resize_restart = inits().any(|container| {
            text(container, "restartPolicy") != "Always"
                && list(container, "resizePolicy")
                    .iter()
                    .any(|policy| text(policy, "restartPolicy") == "RestartContainer")
        });
        self.partial_huge_pages = resources::has_partial_huge_pages(spec);
        self.recursive_labels_only &= spec.find(&["securityContext", "seLinuxChangePolicy"]).is_none_or(Node::is_null);
        self.shared_sysctls = list(spec.get("securityContext").unwrap_or(&nothing), "sysctls")
            .iter()
            .any(|setting| security::is_shared(spec, text(setting, "name")));
        self.faulty_affinity_values = affinity::has_faulty_label_values(spec);
        self.faulty_node_values |= affinity::has_faulty_node_values(spec);
        let constraints = || list(spec, "topologySpreadConstraints").iter();
        self.faulty_spread_selectors = constraints().any(|constraint| {
            let mut found = Causes::default();
            selector::selector(constraint.get("labelSelector"), &Path::ROOT, &mut found);
            !found.refusals.is_empty()
        });
        if self.merged_label_keys {
            self.merged_label_keys = !constraints().any(|constraint| {
                let mut found = Causes::default();
                spread::merged_label_keys(constraint, &Path::ROOT, &mut found);
                !found.refusals.is_empty()
            });
        }
        self.faulty_token_paths = volume::has_faulty_token_path(spec);
        self.comparing_tolerations |=
            list(spec, "tolerations").iter().any(|toleration| matches!(text(toleration, "operator"), "Lt" | "Gt"));
        let user_namespace = spec.get("hostUsers").and_then(Node::as_bool) == Some(false);
        self.user_namespace_devices |=
            user_namespace && containers().any(|container| !list(container, "volumeDevices").is_empty());
        self.user_namespace_network |= user_namespace && flag(spec, "hostNetwork");
        self.unnamed_images = list(spec, "volumes")
            .iter()
            .any(|volume| some(volume, "image").is_some_and(|it| text(it, "reference").is_empty()));
        self.unraised_admin = self.version >= Version::minor(37) && containers().any(security::is_unraised_admin);
    }
}
