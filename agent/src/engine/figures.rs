//! Numbers as a person reads them: with their unit and three significant digits.

/// `value` in `unit`, a unit of Perses' list.
#[must_use]
pub fn figure(value: f64, unit: Option<&str>) -> String {
    if value.is_nan() {
        return "no number".to_owned();
    }
    match unit {
        Some("percent-decimal") => format!("{} %", digits(value * 100.0)),
        Some("percent") => format!("{} %", digits(value)),
        Some("seconds") => seconds(value),
        Some("milliseconds") => seconds(value / 1000.0),
        Some("bytes") => scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"]),
        Some("bytes/sec") => scaled(value, 1024.0, &["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s"]),
        Some("bits/sec") => scaled(value, 1000.0, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]),
        Some(rate) if rate.ends_with("/sec") => {
            format!("{} {}/s", short(value), rate.trim_end_matches("/sec"))
        }
        _ => short(value),
    }
}

fn short(value: f64) -> String {
    // Counts are said in full as long as they can be read.
    if value == value.trunc() && value.abs() < 1e6 {
        return format!("{value}");
    }
    scaled(value, 1000.0, &["", "k", "M", "G", "T"])
        .trim_end()
        .to_owned()
}

fn seconds(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0 s".to_owned()
    } else if size < 1e-3 {
        format!("{} µs", digits(value * 1e6))
    } else if size < 1.0 {
        format!("{} ms", digits(value * 1e3))
    } else if size < 120.0 {
        format!("{} s", digits(value))
    } else if size < 7_200.0 {
        format!("{} min", digits(value / 60.0))
    } else if size < 172_800.0 {
        format!("{} h", digits(value / 3_600.0))
    } else {
        format!("{} days", digits(value / 86_400.0))
    }
}

fn scaled(value: f64, base: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut at = 0;
    while value.abs() >= base && at + 1 < units.len() {
        value /= base;
        at += 1;
    }
    format!(
        "{} {}",
        digits(value),
        units.get(at).copied().unwrap_or_default()
    )
}

/// Three significant digits, no exponent for what is near to one, no trailing zeros.
fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 {
            "0".to_owned()
        } else {
            format!("{value}")
        };
    }
    let size = value.abs().log10().floor() as i32;
    if size < -6 {
        return format!("{value:.2e}");
    }
    let decimals = (2 - size).clamp(0, 8).unsigned_abs() as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn numbers_have_units_and_sensible_digits() {
        for (value, unit, text) in [
            (0.123_456, Some("percent-decimal"), "12.3 %"),
            (12_345_678.0, Some("bytes"), "11.8 MiB"),
            (1536.0, Some("bytes/sec"), "1.5 KiB/s"),
            (0.0123, Some("seconds"), "12.3 ms"),
            (90.0, Some("seconds"), "90 s"),
            (86_400.0 * 3.0, Some("seconds"), "3 days"),
            (12.345, Some("requests/sec"), "12.3 requests/s"),
            (1_234_567.0, None, "1.23 M"),
            (42.0, Some("decimal"), "42"),
            (0.000_012_3, None, "0.0000123"),
            (0.0, Some("bytes"), "0 B"),
            (-3.456, None, "-3.46"),
            (f64::NAN, None, "no number"),
        ] {
            assert_eq!(figure(value, unit), text);
        }
    }
}
