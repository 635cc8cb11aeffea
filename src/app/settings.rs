//! Settings that become one field: of the StatefulSet, of the pod, or an object of their own.

use super::identity::Identity;
use super::{text, texts};
use crate::block::Placed;
use crate::diagnostic::Diagnostics;
use crate::source::At;
use crate::spec::app::App as Written;
use crate::spec::settings::{
    Apart, ApartForm, ApartItem, Disruption, Ordinals, Over, Profile, Rule, Security, SecurityForm, ServiceAccount,
    Spread, SpreadForm, SpreadItem, Update,
};
use crate::value::{Map, Node, Text};

/// The settings of one app.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Fields of the pod's spec, in order.
    pub pod: Vec<(&'static str, Node)>,
    /// Fields of the pod's spec in Kubernetes' own words, which win.
    pub pod_rest: Map,
    /// The security context of every container.
    pub container_security: Map,
    /// Fields of the StatefulSet's spec.
    pub stateful_set: Vec<(&'static str, Node)>,
    /// Fields of the StatefulSet's spec in Kubernetes' own words, which win.
    pub stateful_set_rest: Map,
    /// The replicas, where they were said.
    pub replicas: Option<Node>,
    /// The service account that is made.
    pub service_account: Option<Account>,
    /// The disruption budget.
    pub disruption: Option<Budget>,
}

/// A disruption budget.
#[derive(Clone, Debug)]
pub struct Budget {
    /// `web`; the set's own name where it says none.
    pub name: Placed<Text>,
    /// Fields of its spec.
    pub fields: Map,
    /// Where it is written.
    pub at: At,
}

/// A service account that is made.
#[derive(Clone, Debug)]
pub struct Account {
    /// `web`; the app's own name where it says none.
    pub name: Placed<Text>,
    /// Its annotations.
    pub annotations: Map,
    /// Whether pods get a token.
    pub automount: Option<Node>,
    /// What it may do in its namespace: rules of a Role.
    pub rules: Option<Node>,
    /// What it may do in the whole cluster: rules of a ClusterRole.
    pub cluster_rules: Option<Node>,
    /// ClusterRoles of others that are bound to it.
    pub cluster_roles: Vec<Placed<Text>>,
}

impl Account {
    /// Whether anything is bound to it in the whole cluster.
    pub(super) fn is_known_to_cluster(&self) -> bool {
        self.cluster_rules.is_some() || !self.cluster_roles.is_empty()
    }
}

pub(super) fn settings(app: &Written, identity: &Identity, selector: &Map, _: &mut Diagnostics) -> Settings {
    let mut settings = Settings {
        pod_rest: app.pod.as_ref().map(|pod| pod.value.0.clone()).unwrap_or_default(),
        stateful_set_rest: app.stateful_set.as_ref().map(|set| set.value.0.clone()).unwrap_or_default(),
        replicas: Some(
            app.replicas
                .as_ref()
                .map_or_else(|| Node::int(identity.replicas, identity.at), |value| Node::int(value.value, value.at)),
        ),
        ..Settings::default()
    };
    if let Some(security) = &app.security {
        self::security(security, &mut settings);
    }
    if let Some(account) = &app.service_account {
        service_account(account, identity, &mut settings);
    }
    if let Some(spread) = &app.spread {
        settings.pod.push(("topologySpreadConstraints", Node::list(spreads(spread, selector), spread.at)));
    }
    if let Some(apart) = &app.apart {
        settings.pod.push(("affinity", self::apart(apart, selector)));
    }
    if let Some(grace) = &app.grace {
        settings.pod.push(("terminationGracePeriodSeconds", Node::int(grace.value, grace.at)));
    }
    if let Some(disruption) = &app.disruption {
        settings.disruption = Some(budget(disruption, identity));
    }
    stateful_set(app, &mut settings);
    settings
}

fn stateful_set(app: &Written, settings: &mut Settings) {
    let mut put = |field: &'static str, node: Option<Node>| {
        if let Some(node) = node {
            settings.stateful_set.push((field, node));
        }
    };
    put("podManagementPolicy", app.pod_management.as_ref().map(text));
    put("minReadySeconds", app.min_ready_seconds.as_ref().map(|value| Node::int(value.value, value.at)));
    put("updateStrategy", app.update.as_ref().map(update));
    put(
        "persistentVolumeClaimRetentionPolicy",
        app.retain.as_ref().map(|retain| {
            Node::of(
                retain.at,
                [
                    ("whenDeleted", retain.when_deleted.as_ref().map(text)),
                    ("whenScaled", retain.when_scaled.as_ref().map(text)),
                ],
            )
        }),
    );
    let start = app.ordinals.as_ref().and_then(|ordinals| match ordinals {
        Ordinals::Start(start) => Some(start),
        Ordinals::Form(form) => form.start.as_ref(),
    });
    put("ordinals", start.map(|start| Node::of(start.at, [("start", Some(Node::int(start.value, start.at)))])));
}

fn update(update: &Placed<Update>) -> Node {
    match &update.value {
        Update::Kind(kind) => Node::of(update.at, [("type", Some(text(kind)))]),
        Update::Form(form) => {
            let partition = form.partition.as_ref().map(|value| Node::int(value.value, value.at));
            let rolling = (partition.is_some() || form.max_unavailable.is_some()).then(|| {
                Node::of(form.at, [("partition", partition), ("maxUnavailable", form.max_unavailable.clone())])
            });
            let kind = form.kind.as_ref().map_or_else(|| Node::text("RollingUpdate", form.at), text);
            Node::of(form.at, [("type", Some(kind)), ("rollingUpdate", rolling)])
        }
    }
}

fn security(security: &Placed<Security>, settings: &mut Settings) {
    let at = security.at;
    let (profile, form): (Option<Profile>, Option<&SecurityForm>) = match &security.value {
        Security::Profile(profile) => (Some(*profile), None),
        Security::Fields(form) => (form.profile, Some(form)),
    };
    let mut pod = Map::new();
    let container = &mut settings.container_security;
    if profile == Some(Profile::Restricted) {
        pod.put("runAsNonRoot", Node::bool(true, at));
        pod.put("seccompProfile", Node::of(at, [("type", Some(Node::text("RuntimeDefault", at)))]));
        container.put("allowPrivilegeEscalation", Node::bool(false, at));
        container.put("capabilities", Node::of(at, [("drop", Some(Node::list(vec![Node::text("ALL", at)], at)))]));
    }
    if let Some(form) = form {
        crate::merge::overlay(&mut pod, &form.rest);
        for (field, value) in [
            ("readOnlyRootFilesystem", &form.read_only_root_filesystem),
            ("allowPrivilegeEscalation", &form.allow_privilege_escalation),
            ("privileged", &form.privileged),
        ] {
            if let Some(value) = value {
                container.put(field, Node::bool(value.value, value.at));
            }
        }
        if let Some(capabilities) = &form.capabilities {
            container.put("capabilities", Node::map(capabilities.value.0.clone(), capabilities.at));
        }
    }
    if !pod.is_empty() {
        settings.pod.push(("securityContext", Node::map(pod, at)));
    }
}

fn service_account(account: &Placed<ServiceAccount>, identity: &Identity, settings: &mut Settings) {
    let name = match &account.value {
        ServiceAccount::Name(name) => Placed { value: name.clone(), at: account.at },
        ServiceAccount::Made(form) => {
            let name = form.name.clone().unwrap_or_else(|| Placed { value: identity.app.clone(), at: account.at });
            settings.service_account = Some(Account {
                name: name.clone(),
                annotations: form.annotations.as_ref().map(texts).unwrap_or_default(),
                automount: form.automount.as_ref().map(|value| Node::bool(value.value, value.at)),
                rules: form.rules.as_ref().map(rules),
                cluster_rules: form.cluster_rules.as_ref().map(rules),
                cluster_roles: form.cluster_roles.clone().unwrap_or_default(),
            });
            name
        }
    };
    settings.pod.push(("serviceAccountName", text(&name)));
}

fn rules(rules: &Placed<Vec<Rule>>) -> Node {
    Node::list(rules.value.iter().map(|rule| Node::map(rule.0.clone(), rules.at)).collect(), rules.at)
}

fn spreads(spread: &Placed<Spread>, selector: &Map) -> Vec<Node> {
    match &spread.value {
        Spread::Over(over) => vec![constraint(*over, None, spread.at, selector)],
        Spread::Form(form) => {
            form.over.map(|over| constraint(over, Some(form), form.at, selector)).into_iter().collect()
        }
        Spread::Several(items) => items
            .iter()
            .filter_map(|item| match &item.value {
                SpreadItem::Over(over) => Some(constraint(*over, None, item.at, selector)),
                SpreadItem::Form(form) => form.over.map(|over| constraint(over, Some(form), form.at, selector)),
            })
            .collect(),
    }
}

fn constraint(over: Over, form: Option<&SpreadForm>, at: At, selector: &Map) -> Node {
    let required = form.and_then(|form| form.required.as_ref()).is_none_or(|required| required.value);
    let mut node = Node::of(
        at,
        [
            ("maxSkew", Some(Node::int(1, at))),
            ("topologyKey", Some(topology(over, at))),
            ("whenUnsatisfiable", Some(Node::text(if required { "DoNotSchedule" } else { "ScheduleAnyway" }, at))),
            ("labelSelector", Some(Node::of(at, [("matchLabels", Some(Node::map(selector.clone(), at)))]))),
        ],
    );
    if let (Some(map), Some(form)) = (node.as_map_mut(), form) {
        crate::merge::overlay(map, &form.rest);
    }
    node
}

/// The label by which nodes say what they are part of.
fn topology(over: Over, at: At) -> Node {
    let key = match over {
        Over::Host => "kubernetes.io/hostname",
        Over::Zone => "topology.kubernetes.io/zone",
    };
    Node::text(key, at)
}

/// The pod anti-affinity that keeps pods apart.
fn apart(apart: &Placed<Apart>, selector: &Map) -> Node {
    let of_form =
        |form: &ApartForm| form.over.map(|over| (over, form.required.as_ref().is_none_or(|yes| yes.value), form.at));
    let all: Vec<(Over, bool, At)> = match &apart.value {
        Apart::Over(over) => vec![(*over, true, apart.at)],
        Apart::Form(form) => of_form(form).into_iter().collect(),
        Apart::Several(items) => items
            .iter()
            .filter_map(|item| match &item.value {
                ApartItem::Over(over) => Some((*over, true, item.at)),
                ApartItem::Form(form) => of_form(form),
            })
            .collect(),
    };
    let term = |over: Over, at: At| {
        Node::of(
            at,
            [
                ("labelSelector", Some(Node::of(at, [("matchLabels", Some(Node::map(selector.clone(), at)))]))),
                ("topologyKey", Some(topology(over, at))),
            ],
        )
    };
    let (mut required, mut preferred) = (Vec::new(), Vec::new());
    for (over, is_required, at) in all {
        if is_required {
            required.push(term(over, at));
        } else {
            let weight = Some(Node::int(100, at));
            preferred.push(Node::of(at, [("weight", weight), ("podAffinityTerm", Some(term(over, at)))]));
        }
    }
    let some = |list: Vec<Node>| (!list.is_empty()).then(|| Node::list(list, apart.at));
    let terms = Node::of(
        apart.at,
        [
            ("requiredDuringSchedulingIgnoredDuringExecution", some(required)),
            ("preferredDuringSchedulingIgnoredDuringExecution", some(preferred)),
        ],
    );
    Node::of(apart.at, [("podAntiAffinity", Some(terms))])
}

fn budget(disruption: &Placed<Disruption>, identity: &Identity) -> Budget {
    let at = disruption.at;
    let mut name = Placed { value: identity.app.clone(), at };
    let mut fields = Map::new();
    match &disruption.value {
        Disruption::Number(number) => {
            fields.put("maxUnavailable", Node::int(number.value, number.at));
        }
        Disruption::Share(share) => {
            fields.put("maxUnavailable", text(share));
        }
        Disruption::Form(form) => {
            if let Some(written) = &form.name {
                name.clone_from(written);
            }
            for (field, node) in [("maxUnavailable", &form.max_unavailable), ("minAvailable", &form.min_available)] {
                if let Some(node) = node {
                    fields.put(field, node.clone());
                }
            }
            crate::merge::overlay(&mut fields, &form.rest);
        }
    }
    Budget { name, fields, at }
}
