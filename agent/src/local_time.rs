//! Times as people and models write them, in the asker's zone (given as an offset from UTC; no zone database).

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// Longest duration, in years of 365 days; so sums of a few of them and any date stay far from the end of the numbers.
const MAX_DURATION_MS: i64 = 300 * 365 * DAY_MS;

/// ISO 8601 with the asker's offset: `2026-11-24T16:05:00+05:45`; milliseconds only where there are any.
#[must_use]
pub fn iso(ms: i64, offset_minutes: i32) -> String {
    let local = ms.saturating_add(i64::from(offset_minutes) * MINUTE_MS);
    let (year, month, day) = civil(local.div_euclid(DAY_MS));
    let of_day = local.rem_euclid(DAY_MS);
    let (hour, minute) = (of_day / 3_600_000, of_day / MINUTE_MS % 60);
    let (second, milli) = (of_day / 1000 % 60, of_day % 1000);
    let fraction = if milli == 0 {
        String::new()
    } else {
        format!(".{milli:03}")
    };
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{}",
        offset(offset_minutes)
    )
}

/// `14:05:30`, or `14:05` where the seconds are zero; with the date where `with_date`.
#[must_use]
pub fn clock(ms: i64, offset_minutes: i32, with_date: bool) -> String {
    let text = iso(ms.div_euclid(1000) * 1000, offset_minutes);
    let time = text.get(11..19).unwrap_or_default();
    let time = time.strip_suffix(":00").unwrap_or(time);
    if with_date {
        format!("{} {time}", text.get(..10).unwrap_or_default())
    } else {
        time.to_owned()
    }
}

/// `Z` or `+05:45`.
#[must_use]
pub fn offset(offset_minutes: i32) -> String {
    if offset_minutes == 0 {
        return "Z".to_owned();
    }
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let minutes = offset_minutes.unsigned_abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Reads a moment: `now`, `now-30m`, `2 hours ago`, `today`, `yesterday`, `14:00` (the latest one), a date or date and
/// time (in the asker's zone unless it names one), or Unix time in seconds or milliseconds.
///
/// # Errors
/// A sentence that says which forms are read.
pub fn moment(text: &str, now_ms: i64, offset_minutes: i32) -> Result<i64, String> {
    let wanted = text.trim().to_lowercase();
    let midnight = |days_back: i64| {
        let shift = i64::from(offset_minutes) * MINUTE_MS;
        ((now_ms + shift).div_euclid(DAY_MS) - days_back) * DAY_MS - shift
    };
    let read = match wanted.as_str() {
        "now" => Some(now_ms),
        "today" | "midnight" => Some(midnight(0)),
        "yesterday" => Some(midnight(1)),
        "tomorrow" => Some(midnight(-1)),
        other => relative(other, now_ms)
            .or_else(|| unix(other))
            .or_else(|| {
                let ms = midnight(0) + time_of_day(other)?;
                Some(if ms > now_ms { ms - DAY_MS } else { ms })
            })
            .or_else(|| date_time(other, offset_minutes)),
    };
    read.ok_or_else(|| {
        format!(
            "{} is not a time. Use now, now-30m, today, yesterday, 14:00, 2026-01-31T14:00:00Z, or Unix seconds.",
            crate::neutral::quoted(text, 60)
        )
    })
}

fn relative(text: &str, now_ms: i64) -> Option<i64> {
    if let Some(ago) = text.strip_suffix("ago") {
        return Some(now_ms - duration_ms(ago)?);
    }
    let rest = text.strip_prefix("now").unwrap_or(text).trim_start();
    if let Some(back) = rest.strip_prefix('-') {
        return Some(now_ms - duration_ms(back)?);
    }
    Some(now_ms + duration_ms(rest.strip_prefix('+')?)?)
}

fn unix(text: &str) -> Option<i64> {
    let value: f64 = text.parse().ok()?;
    // From 2001 on in seconds, and up to year 5138 in milliseconds.
    match value {
        v if (1e9..1e11).contains(&v) => Some((v * 1000.0).round() as i64),
        v if (1e11..1e14).contains(&v) => Some(v.round() as i64),
        _ => None,
    }
}

fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hour: i64 = two_digits(parts.next()?)?;
    let minute: i64 = two_digits(parts.next()?)?;
    let second: i64 = parts.next().map_or(Some(0), two_digits)?;
    (parts.next().is_none() && hour < 24 && minute < 60 && second < 60)
        .then_some((hour * 3600 + minute * 60 + second) * 1000)
}

fn two_digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

fn date_time(text: &str, offset_minutes: i32) -> Option<i64> {
    let (date, rest) = match text.find(['t', ' ']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.trim()),
        None => (text, ""),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    let (year, month, day): (i64, i64, i64) =
        (year.parse().ok()?, two_digits(month)?, two_digits(day)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (time, zone_minutes) = zone(rest, offset_minutes)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let of_day = if time.is_empty() {
        0
    } else {
        time_of_day(time)?
    };
    let millis = if fraction.is_empty() {
        0.0
    } else if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    } else {
        format!("0.{fraction}").parse::<f64>().ok()? * 1000.0
    };
    Some(
        days_from_civil(year, month, day) * DAY_MS + of_day + millis as i64
            - zone_minutes * MINUTE_MS,
    )
}

/// Splits off the zone of a time; without one it is the asker's.
fn zone(text: &str, offset_minutes: i32) -> Option<(&str, i64)> {
    if let Some(time) = text.strip_suffix('z') {
        return Some((time, 0));
    }
    let Some(at) = text.find(['+', '-']) else {
        return Some((text, i64::from(offset_minutes)));
    };
    let sign = if text.as_bytes().get(at) == Some(&b'-') {
        -1
    } else {
        1
    };
    let digits: String = text.get(at + 1..)?.chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = (
        two_digits(digits.get(..2)?)?,
        two_digits(digits.get(2..4).unwrap_or("00"))?,
    );
    Some((text.get(..at)?.trim_end(), sign * (hours * 60 + minutes)))
}

/// Reads `30m`, `1h30m`, `90s`, `250ms`, `2 hours`, or plain seconds.
#[must_use]
pub fn duration_ms(text: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    if let Ok(secs) = text.parse::<f64>() {
        return (0.0..1e10)
            .contains(&secs)
            .then_some((secs * 1000.0) as i64)
            .filter(|ms| *ms <= MAX_DURATION_MS);
    }
    let mut total: i64 = 0;
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .filter(|at| *at > 0)?;
        let amount: i64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?.trim_start();
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let unit_ms = match rest.get(..letters)? {
            "ms" | "millisecond" | "milliseconds" => 1,
            "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
            "m" | "min" | "mins" | "minute" | "minutes" => MINUTE_MS,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => DAY_MS,
            "w" | "week" | "weeks" => 7 * DAY_MS,
            "month" | "months" => 30 * DAY_MS,
            "y" | "year" | "years" => 365 * DAY_MS,
            _ => return None,
        };
        total = total.checked_add(amount.checked_mul(unit_ms)?)?;
        rest = rest.get(letters..)?.trim_start();
    }
    (total > 0 && total <= MAX_DURATION_MS).then_some(total)
}

/// Days since 1970-01-01 to year, month, day, in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24T10:20:30Z
    const NOW: i64 = 1_795_515_630_000;

    #[test]
    fn times_are_written_in_the_askers_zone() {
        assert_eq!(iso(NOW, 0), "2026-11-24T10:20:30Z");
        assert_eq!(iso(NOW, 345), "2026-11-24T16:05:30+05:45");
        assert_eq!(iso(NOW + 5, -570), "2026-11-24T00:50:30.005-09:30");
        assert_eq!(iso(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(clock(NOW, 345, false), "16:05:30");
        assert_eq!(clock(NOW - 30_000, 345, true), "2026-11-24 16:05");
    }

    #[test]
    fn moments_are_read_in_the_askers_zone() {
        for (text, offset, iso_utc) in [
            ("now", 345, "2026-11-24T10:20:30Z"),
            ("now-30m", 345, "2026-11-24T09:50:30Z"),
            ("now - 1h30m", 0, "2026-11-24T08:50:30Z"),
            ("2 hours ago", 0, "2026-11-24T08:20:30Z"),
            ("today", 345, "2026-11-23T18:15:00Z"),
            ("yesterday", 345, "2026-11-22T18:15:00Z"),
            ("today", -600, "2026-11-24T10:00:00Z"),
            ("14:00", 345, "2026-11-24T08:15:00Z"),
            ("14:00", 0, "2026-11-23T14:00:00Z"),
            ("2026-11-01", 345, "2026-10-31T18:15:00Z"),
            ("2026-11-01 08:00", 60, "2026-11-01T07:00:00Z"),
            ("2026-11-01T08:00:00Z", 60, "2026-11-01T08:00:00Z"),
            (
                "2026-11-01T08:00:00.500+05:45",
                0,
                "2026-11-01T02:15:00.500Z",
            ),
            ("1795515630", 0, "2026-11-24T10:20:30Z"),
            ("1795515630000", 0, "2026-11-24T10:20:30Z"),
            ("2024-02-29", 0, "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(
                moment(text, NOW, offset).map(|ms| iso(ms, 0)).as_deref(),
                Ok(iso_utc),
                "{text} {offset}"
            );
        }
        for bad in [
            "",
            "soon",
            "25:00",
            "2026-13-01",
            "now-",
            "12",
            "now-5 apples",
            "2026-1-1T99:00",
        ] {
            assert!(moment(bad, NOW, 0).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_read() {
        for (text, ms) in [
            ("30m", 1_800_000),
            ("1h30m", 5_400_000),
            ("2 hours", 7_200_000),
            ("90", 90_000),
            ("1.5", 1_500),
            ("250ms", 250),
        ] {
            assert_eq!(duration_ms(text), Some(ms), "{text}");
        }
        for bad in ["", "m", "5 apples", "-5m", "99999999999999999999y", "301y"] {
            assert_eq!(duration_ms(bad), None, "{bad}");
        }
    }
}
