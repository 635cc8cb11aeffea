//! What comes of one object, in a few words.

use crate::report::counted;
use crate::review::Change;
use crate::review::effect::{Direction, Does, Effect, Selected, Traffic};

/// All that comes of a change.
pub(super) fn words(change: &Change) -> String {
    change.effects.iter().map(word).collect::<Vec<_>>().join("; ")
}

fn word(effect: &Effect) -> String {
    let plain = match effect {
        Effect::Kept => "no effect: the cluster keeps what it has",
        Effect::NotApplied => "not applied",
        Effect::Pruned => "pruned",
        Effect::PodsEnd => "its pods end at once",
        Effect::Terminating => "it is Terminating until its claim goes",
        Effect::DiskLeft => "the disk that it names stays, with no volume for it",
        Effect::DiskKeepsSize => "the disk itself keeps its size",
        Effect::NextMount => "mount options hold from the next mount on",
        Effect::StaysBound => "the binding stays as it is",
        Effect::NextScheduling => "the node affinity holds when a pod is next scheduled",
        Effect::DefaultClass => "claims that name no class get this one, those that wait for a volume too",
        Effect::FilesFollow => {
            "mounted files follow within a minute or two, environment variables and subPath mounts only when a pod is \
             recreated"
        }
        Effect::Grows => {
            "its volume is grown if the storage class and its driver can; some need the pod to restart for it"
        }
        Effect::Scales => "it may scale at once",
        Effect::NamesGo => "its address and its DNS names go",
        Effect::BalancerGoes => "its load balancer is given back, and the address with it",
        Effect::NodePortsGo => "its node ports are given back",
        _ => return worded(effect),
    };
    plain.to_owned()
}

/// What says a name or a number.
fn worded(effect: &Effect) -> String {
    match effect {
        Effect::OnlyIn(environment) => format!("only in {environment}"),
        Effect::PodsRefused { here, asked, why } => {
            format!("gets {here} of {}: the API server refuses the next: {why}", counted(*asked, "pod"))
        }
        Effect::Renamed(old) => format!("made under the new name, and {old} is pruned"),
        Effect::StillNamed(user) => format!("{user} still names it: its next pod does not start"),
        Effect::StillAsked(set) => format!("{set} still asks for it: new claims get no volume"),
        Effect::Claims { count, deleted } => {
            let fate = if *deleted { "are deleted too" } else { "are left behind, with their volumes" };
            format!("{} {fate}", counted(*count, "claim"))
        }
        Effect::Unclaimed { claim, volume } => {
            format!("no effect: it stays Available, for the claim {claim} is bound to {volume}")
        }
        Effect::PortCloses(number) => format!("connections to port {number} fail"),
        Effect::PortRenamed { number, from, to } => {
            format!("port {number} is called {to} instead of {from}: its SRV record too, and who names it finds nobody")
        }
        Effect::LeadsNowhere(before) => {
            format!("it leads to no pod any more: {} lost", counted(*before, "endpoint"))
        }
        Effect::LeadsTo { pods, before } => format!("it leads to {} instead of {before}", counted(*pods, "pod")),
        Effect::Traffic(traffic) => of_traffic(traffic),
        _ => String::new(),
    }
}

fn of_traffic(Traffic { direction, pods, does }: &Traffic) -> String {
    let way = match direction {
        Direction::In => "incoming",
        Direction::Out => "outgoing",
    };
    let pods = selected(pods);
    match does {
        Does::LetsThrough => format!("lets {way} traffic of {pods} through that no other policy allows"),
        Does::Denies => format!("denies all {way} traffic of {pods}"),
        Does::DeniesRest => format!("denies {way} traffic of {pods} but for what it allows"),
        Does::DeniesOwn => format!("denies {way} traffic of {pods} that it alone allowed"),
        Does::Opens => format!("nothing restricts {way} traffic of {pods} any more"),
        Does::Rules => format!("its rules for {way} traffic of {pods} hold at once"),
    }
}

fn selected(pods: &Selected) -> String {
    match pods {
        Selected::All => "all pods of its namespace".into(),
        Selected::Unknown => "the pods that it selects".into(),
        Selected::Of(list, more) => {
            let names: Vec<String> = list.iter().map(|(kind, name)| format!("{kind}/{name}")).collect();
            let rest = if *more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{rest}", names.join(", "))
        }
    }
}
