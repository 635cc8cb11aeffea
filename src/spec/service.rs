//! Services: the short form is a map of ports, the long form any ServiceSpec.

use super::files::Texts;
use crate::block::{CHOICE, Later, Named, Placed, Read, Scalar, Shape, block, either, wrong_type};
use crate::diagnostic::Diagnostics;
use crate::source::At;
use crate::value::{Data, Node, Text};

/// The governing Service.
#[derive(Clone, Debug)]
pub(crate) enum Governing {
    /// It is made, with these settings.
    Made(Box<Service>),
    /// One of that name exists, or is made by somebody else.
    Exists,
    /// There is none: the pods have no DNS names of their own.
    Nothing,
}

impl Read for Governing {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.data {
            Data::Text(_) => Some(Self::Exists),
            Data::Bool(false) => Some(Self::Nothing),
            _ => Service::read(node, found).map(Box::new).map(Self::Made),
        }
    }
    fn shape() -> Shape {
        Shape::Told(&[short_shape, ServiceForm::shape, Text::shape, bool::shape], |node| match node.data {
            Data::Text(_) => 2,
            Data::Bool(_) => 3,
            _ => form_of(node),
        })
    }
}

/// All Services of an app.
#[derive(Clone, Debug, Default)]
pub(crate) struct Services {
    /// The governing one's settings.
    pub governing: Option<Governing>,
    /// One for each ordinal.
    pub per_pod: Option<Later<Service>>,
    /// The others, by name.
    pub named: Named<Service>,
}

impl Read for Services {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let Some(map) = node.as_map() else {
            wrong_type(node, "a map", found);
            return None;
        };
        let mut services = Self::default();
        for (key, value) in map.iter() {
            match &*key.name {
                "governing" => services.governing = Governing::read(value, found),
                "perPod" => services.per_pod = Later::read(value, found),
                _ => {
                    if let Some(service) = Service::read(value, found) {
                        services.named.entries.push((key.clone(), service));
                    }
                }
            }
        }
        Some(services)
    }
    fn shape() -> Shape {
        Shape::Map(Governing::shape)
    }
}

block! {
    /// A Service. The short form is a map from port names to the numbers under which they are reached. The long form
    /// has `ports:`, and beside it any field of Kubernetes' ServiceSpec.
    pub(crate) struct ServiceForm = "a service", rest "core.v1.ServiceSpec" {
        /// Its name; default: `<app>-<key>`, the app's own for the governing one.
        /// Example: `kubia-web`
        name: Placed<Text>,
        /// Its ports: names of container ports, and the numbers under which they are reached.
        /// Example: `{http: 80}`
        ports: Named<ServicePort>,
        /// Its annotations.
        /// Example: `{service.beta.kubernetes.io/aws-load-balancer-type: nlb}`
        annotations: Texts,
        /// Labels beside the app's.
        /// Example: `{tier: front}`
        labels: Texts,
    }
}

either! {
    /// A Service port: its number, or more.
    pub(crate) enum ServicePort {
        /// The number.
        Number(Placed<i64>),
        /// The long form.
        Form(ServicePortForm),
    }
}

block! {
    /// A Service port.
    pub(crate) struct ServicePortForm = "a service port", needs ["port"], rest "core.v1.ServicePort" {
        /// The number under which it is reached.
        /// Example: `80`
        port: Placed<i64>,
        /// The container port it leads to, by name or number; default: the one of its own name.
        /// Example: `http`
        target_port as "targetPort": Placed<Scalar>,
    }
}

/// A Service, from either form.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    /// Where it is written.
    pub at: At,
    /// The long form; the short one has been turned into it.
    pub form: ServiceForm,
}

impl Read for Service {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        let Some(map) = node.as_map() else {
            wrong_type(node, "a map of ports", found);
            return None;
        };
        let number = |node: &Node| matches!(node.data, Data::Int(_));
        let short = map.iter().find(|(key, value)| number(value) && !is_long(&key.name));
        let long = map.iter().find(|(key, _)| is_long(&key.name));
        if let (Some((port, value)), Some((field, _))) = (short, long) {
            let number = value.as_int().unwrap_or_default();
            CHOICE
                .report(format!(
                    "this mixes the short form (`{}: {number}`) with the long form (`{}`)",
                    port.name, field.name
                ))
                .see(field.at, "the long form's field")
                .help(format!("put the port under `ports:`, as in `ports: {{{}: {number}}}`", port.name))
                .at(port.at, found);
            return None;
        }
        let form = if long.is_none() && !map.is_empty() {
            let mut form = ServiceForm::read(&Node::map(crate::value::Map::new(), node.at), found)?;
            form.ports = Some(Named::read(node, found)?);
            form
        } else {
            ServiceForm::read(node, found)?
        };
        Some(Self { at: node.at, form })
    }
    fn shape() -> Shape {
        Shape::Told(&[short_shape, ServiceForm::shape], form_of)
    }
}

/// 0 for the short form, 1 for the long one.
fn form_of(node: &Node) -> usize {
    usize::from(node.entries().any(|(key, _)| is_long(&key.name)))
}

/// Whether the long form is what somebody means who writes this key.
fn is_long(name: &str) -> bool {
    ServiceForm::BLOCK.field(name).is_some() || SPEC_WORDS.contains(&name)
}

fn short_shape() -> Shape {
    Shape::Map(ServicePort::shape)
}

/// Fields of a ServiceSpec that tell the long form from the short one.
const SPEC_WORDS: &[&str] = &[
    "type",
    "clusterIP",
    "clusterIPs",
    "selector",
    "externalName",
    "externalIPs",
    "externalTrafficPolicy",
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "loadBalancerClass",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
    "allocateLoadBalancerNodePorts",
    "healthCheckNodePort",
    "publishNotReadyAddresses",
    "sessionAffinity",
    "sessionAffinityConfig",
    "trafficDistribution",
];
