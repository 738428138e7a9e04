use orch_core::Error;

/// The trace id of a `traceparent` header, by W3C Trace Context level 1: version, trace, parent and flags in lower-case
/// hexadecimal digits. Of later versions, which may be longer, only these four parts are read.
pub(super) fn trace_id(header: &str) -> Result<&str, Error> {
    let refuse = |reason: &str| Error::invalid("/traceparent", format!("`{header}`: {reason}"));
    let header_parts: Vec<&str> = header.trim().split('-').collect();
    let [version, trace, parent, flags, more @ ..] = &header_parts[..] else {
        return Err(refuse("expected version-trace-parent-flags"));
    };
    for (part, name, length) in [
        (version, "the version", 2),
        (trace, "the trace id", 32),
        (parent, "the parent id", 16),
        (flags, "the flags", 2),
    ] {
        if part.len() != length || !part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(refuse(&format!("{name} must be {length} lower-case hexadecimal digits")));
        }
    }
    if *version == "ff" || (*version == "00" && !more.is_empty()) {
        return Err(refuse("no header of this version looks like that"));
    }
    if [trace, parent].iter().any(|id| id.bytes().all(|byte| byte == b'0')) {
        return Err(refuse("an id of zeros is none"));
    }
    Ok(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn the_trace_is_read_from_every_version_that_has_it() {
        for header in [
            format!("00-{TRACE}-00f067aa0ba902b7-01"),
            format!(" 00-{TRACE}-00f067aa0ba902b7-00 "),
            format!("cc-{TRACE}-00f067aa0ba902b7-01-what-the-future-brings"),
        ] {
            assert_eq!(trace_id(&header).unwrap(), TRACE);
        }
    }

    #[test]
    fn what_is_no_traceparent_is_refused_with_the_part_that_is_wrong() {
        let zeros = "0".repeat(32);
        for (header, why) in [
            ("", "expected version-trace-parent-flags"),
            (TRACE, "expected"),
            (&format!("00-{TRACE}-00f067aa0ba902b7"), "expected"),
            (&format!("0-{TRACE}-00f067aa0ba902b7-01"), "the version"),
            (&format!("ff-{TRACE}-00f067aa0ba902b7-01"), "version"),
            (&format!("00-{TRACE}-00f067aa0ba902b7-01-more"), "version"),
            ("00-4bf92f35-00f067aa0ba902b7-01", "the trace id"),
            (&format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()), "the trace id"),
            (&format!("00-{TRACE}-00f067aa0ba902bé-01"), "the parent id"),
            (&format!("00-{TRACE}-0000000000000000-01"), "zeros"),
            (&format!("00-{zeros}-00f067aa0ba902b7-01"), "zeros"),
            (&format!("00-{TRACE}-00f067aa0ba902b7-1"), "the flags"),
        ] {
            let error = trace_id(header).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("/traceparent"), "{header}: {error}");
        }
    }
}
