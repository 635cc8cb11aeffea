//! What an editor says: either bytes as they come, or lines of JSON that are framed here, which reaches further.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use statewright::cli::replies;
use statewright_fuzz::{mutate, mutated_as};

fuzz_target!(|data: &[u8]| {
    let said = match std::str::from_utf8(data) {
        Ok(text) if text.starts_with('{') => {
            text.lines().flat_map(|line| format!("Content-Length: {}\r\n\r\n{line}", line.len()).into_bytes()).collect()
        }
        _ => data.to_vec(),
    };
    for reply in replies(&said).unwrap_or_default() {
        assert_eq!(reply["jsonrpc"], "2.0");
        for diagnostic in reply["params"]["diagnostics"].as_array().into_iter().flatten() {
            let place =
                |end: &str| (diagnostic["range"][end]["line"].as_u64(), diagnostic["range"][end]["character"].as_u64());
            assert!(
                place("start").0.is_some() && place("start") <= place("end"),
                "a range ends before it begins: \
                {diagnostic}"
            );
            assert!(diagnostic["message"] != Value::Null);
        }
    }
});

mutated_as!(mutate::lines);
