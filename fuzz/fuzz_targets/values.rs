//! Small values, one a line: quantities, addresses, names, schedules, versions, base64.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statewright::k8s::quantity::Quantity;
use statewright::k8s::version::Version;
use statewright::k8s::{base64, ip, name, schedule};
use statewright::yaml;
use std::cmp::Ordering;
use std::hint::black_box;

fuzz_target!(|text: &str| {
    let mut amounts: Vec<Quantity> = Vec::new();
    for line in text.lines().chain([text]).take(64) {
        if let Ok(amount) = line.parse::<Quantity>() {
            quantity(&amount);
            amounts.push(amount);
        }
        addresses(line);
        names(line);
        black_box((schedule::schedule_fault(line), line.parse::<Version>().ok(), yaml::needs_quotes(line)));
        if let Some(bytes) = base64::decode(line) {
            assert_eq!(
                base64::decode(&base64::encode(&bytes)),
                Some(bytes.clone()),
                "base64 does not read back: \
                {line:?}"
            );
            assert_eq!(base64::length(line), bytes.len(), "the length of {line:?}");
        }
    }
    for a in &amounts {
        for b in &amounts {
            assert_eq!(a.cmp(b), b.cmp(a).reverse(), "{a} and {b} have no order");
        }
    }
});

fn quantity(amount: &Quantity) {
    black_box((amount.value(), amount.milli(), amount.in_thousandths().value()));
    let written = amount.to_string();
    // Beyond the last suffix the server drops it when it writes, and we keep the first 38 digits.
    let [least, largest] = ["-999E", "999E"].map(|text| text.parse::<Quantity>().expect("an amount"));
    if *amount < least || *amount > largest {
        return;
    }
    let again: Quantity = written.parse().unwrap_or_else(|error| panic!("{written:?} does not read back: {error}"));
    assert_eq!(again.cmp(amount), Ordering::Equal, "{written:?} reads back as another amount");
    assert_eq!(again.to_string(), written, "{written:?} is written otherwise the second time");
}

fn addresses(line: &str) {
    black_box((ip::address(line), ip::address_warning(line), ip::endpoint_faults(line), ip::range_warnings(line)));
    for strict in [true, false] {
        black_box((ip::address_fault(line, strict), ip::range_fault(line, strict)));
    }
    if let Some(range) = ip::Range::read(line) {
        assert!(!range.strictly_contains(range), "{line:?} lies within itself");
    }
}

fn names(line: &str) {
    let checks = [
        name::dns_label,
        name::dns_subdomain,
        name::dns_subdomain_with_underscore,
        name::wildcard_dns_subdomain,
        name::dns_1035_label,
        name::label_key,
        name::label_value,
        name::c_identifier,
        name::environment_variable,
        name::environment_variable_strict,
        name::port_name,
        name::percent,
        name::http_header,
        name::config_key,
        name::path_segment,
        name::path_segment_prefix,
    ];
    for check in checks {
        black_box(check(line).len());
    }
    // The short questions leave the length aside.
    let fits = |limit: usize| line.len() <= limit;
    assert_eq!(name::is_dns_label(line) && fits(63), name::dns_label(line).is_empty(), "{line:?}");
    assert_eq!(name::is_dns_subdomain(line) && fits(253), name::dns_subdomain(line).is_empty(), "{line:?}");
}
