//! Step 6, advise: what the cluster would accept and an experienced operator would not. The table of rules; one file
//! and one page each.

mod account_missing;
mod api_removed_later;
mod autoscaled_twice;
mod autoscaler_of_nothing;
mod binding_of_nothing;
mod budget_blocks_eviction;
mod budget_matches_nothing;
mod claim_shared_by_replicas;
mod claim_template_never_mounted;
mod claim_template_shadows_volume;
mod cluster_object_in_namespace;
pub(crate) mod context;
mod dead_annotation;
mod disk_used_twice;
mod even_quorum;
mod fewer_volumes_than_replicas;
mod fixed_node_port;
mod frozen_registry;
mod headless_service_without_ports;
mod host_path_on_any_node;
mod image_tag_floating;
mod image_unreadable;
mod in_tree_source;
mod ingress_leads_nowhere;
mod key_missing;
mod literal_password;
mod network_file_system_on_disk;
mod old_service_account_field;
mod plain_secret;
mod policy_selects_nothing;
mod port_name_in_two_containers;
mod port_without_listener;
mod probe_port_unknown;
mod reclaim_by_recycling;
mod replicas_and_autoscaler;
mod service_behind_closed_port;
mod service_selects_nothing;
mod service_selects_other_app;
mod storage_class_annotation;
mod storage_class_unsaid;
mod undefined_variable;
mod unready_annotation;
mod update_without_readiness;
mod volume_never_mounted;
mod written_twice;
mod zero_grace;

use crate::diagnostic::{Code, Diagnostics};
use crate::expect::outlook::NOT_PLAYED;
use context::Context;

/// One rule.
pub(crate) struct Rule {
    /// What it finds.
    pub code: Code,
    /// How it finds it.
    pub judge: fn(&Context<'_>, &mut Diagnostics),
}

/// All rules, by id.
pub(crate) static RULES: &[&Rule] = &[
    &service_selects_nothing::RULE,
    &service_selects_other_app::RULE,
    &headless_service_without_ports::RULE,
    &port_without_listener::RULE,
    &port_name_in_two_containers::RULE,
    &fixed_node_port::RULE,
    &unready_annotation::RULE,
    &reclaim_by_recycling::RULE,
    &network_file_system_on_disk::RULE,
    &host_path_on_any_node::RULE,
    &in_tree_source::RULE,
    &storage_class_unsaid::RULE,
    &storage_class_annotation::RULE,
    &disk_used_twice::RULE,
    &cluster_object_in_namespace::RULE,
    &claim_template_shadows_volume::RULE,
    &claim_template_never_mounted::RULE,
    &volume_never_mounted::RULE,
    &claim_shared_by_replicas::RULE,
    &image_tag_floating::RULE,
    &frozen_registry::RULE,
    &update_without_readiness::RULE,
    &even_quorum::RULE,
    &zero_grace::RULE,
    &undefined_variable::RULE,
    &literal_password::RULE,
    &plain_secret::RULE,
    &budget_matches_nothing::RULE,
    &budget_blocks_eviction::RULE,
    &old_service_account_field::RULE,
    &dead_annotation::RULE,
    &api_removed_later::RULE,
    &image_unreadable::RULE,
    &probe_port_unknown::RULE,
    &key_missing::RULE,
    &ingress_leads_nowhere::RULE,
    &policy_selects_nothing::RULE,
    &binding_of_nothing::RULE,
    &autoscaler_of_nothing::RULE,
    &autoscaled_twice::RULE,
    &replicas_and_autoscaler::RULE,
    &account_missing::RULE,
    &written_twice::RULE,
    &fewer_volumes_than_replicas::RULE,
    &service_behind_closed_port::RULE,
];

/// What every rule has to say.
pub(crate) fn advise(context: &Context<'_>, found: &mut Diagnostics) {
    for rule in RULES {
        (rule.judge)(context, found);
    }
    if let Some(first) = context.services.first().map(|service| service.resource).filter(|_| context.is_exhausted()) {
        NOT_PLAYED
            .report(
                "there are too many selectors to compare all of them with all pods: some that match none may \
                    not be reported",
            )
            .help("check each app by itself")
            .about(first.subject())
            .at(first.at(), found);
    }
}

/// The codes of this module.
pub(crate) fn codes() -> impl Iterator<Item = &'static Code> {
    RULES.iter().map(|rule| &rule.code)
}
