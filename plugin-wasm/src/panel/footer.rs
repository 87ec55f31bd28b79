//! The line under a panel: window, step, number of series, verdict, in the user's time zone.

use persai_protocol::evidence::QueryMode;

use super::source::PanelSource;
use super::units;

const DAY_MS: i64 = 86_400_000;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// "14:00–15:00 · 15 s · 2 series · allowed". The date is said where it is not today's.
#[must_use]
pub fn text(source: &PanelSource, utc_offset_minutes: i32, now_ms: i64) -> String {
    let offset_ms = i64::from(utc_offset_minutes) * 60_000;
    let local = |ms: i64| ms.saturating_add(offset_ms);
    let (start, end) = (local(source.start_ms), local(source.end_ms));
    let today = local(now_ms).div_euclid(DAY_MS);
    let mut parts = vec![match source.mode {
        QueryMode::Instant => format!("at {}", moment(end, today)),
        QueryMode::Range if start.div_euclid(DAY_MS) == end.div_euclid(DAY_MS) => {
            format!("{}–{}", moment(start, today), clock(end))
        }
        QueryMode::Range => format!("{} – {}", with_date(start), with_date(end)),
    }];
    if source.mode == QueryMode::Range && source.step_ms > 0 {
        parts.push(units::duration_words(source.step_ms));
    }
    if let Some(series) = source.series {
        parts.push(format!("{series} series"));
    }
    parts.extend(source.verdict.map(ToOwned::to_owned));
    parts.join(" · ")
}

fn moment(local_ms: i64, today: i64) -> String {
    if local_ms.div_euclid(DAY_MS) == today {
        clock(local_ms)
    } else {
        with_date(local_ms)
    }
}

fn with_date(local_ms: i64) -> String {
    let (_, month, day) = civil(local_ms.div_euclid(DAY_MS));
    let month = MONTHS.get(month - 1).copied().unwrap_or_default();
    format!("{day} {month} {}", clock(local_ms))
}

/// Seconds only where there are any.
fn clock(local_ms: i64) -> String {
    let secs = local_ms.rem_euclid(DAY_MS) / 1000;
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    if secs == 0 {
        format!("{hours:02}:{minutes:02}")
    } else {
        format!("{hours:02}:{minutes:02}:{secs:02}")
    }
}

/// Year, month (1–12) and day of the month of a day counted from 1970-01-01, in the Gregorian calendar.
fn civil(day: i64) -> (i64, usize, i64) {
    // Years begin on 1 March here, so that a leap day is a year's last; 719,468 days lie between 0000-03-01 and 1970.
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), day_of_month)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use persai_protocol::evidence::{DatasourceSelector, MetricType, ResultKind};

    /// 2026-11-24 14:00–15:00 UTC, 15 s, two series.
    pub(crate) fn source() -> PanelSource {
        PanelSource {
            title: "CPU by mode".into(),
            query: "sum by (mode) (rate(node_cpu_seconds_total[1m]))".into(),
            query_template: "sum by (mode) (rate(node_cpu_seconds_total[$__rate_interval]))".into(),
            datasource: DatasourceSelector {
                kind: "PrometheusDatasource".into(),
                name: "prom".into(),
                project: None,
            },
            mode: QueryMode::Range,
            start_ms: 1_795_528_800_000,
            end_ms: 1_795_532_400_000,
            step_ms: 15_000,
            result: ResultKind::Matrix,
            series: Some(2),
            labels: vec!["mode".into()],
            metric_type: Some(MetricType::Counter),
            unit: Some("decimal".into()),
            verdict: Some("allowed"),
        }
    }

    #[test]
    fn says_window_step_series_and_verdict_in_the_users_zone() {
        let source = source();
        let now = source.end_ms;
        assert_eq!(
            text(&source, 0, now),
            "14:00–15:00 · 15 s · 2 series · allowed"
        );
        assert_eq!(
            text(&source, 345, now),
            "19:45–20:45 · 15 s · 2 series · allowed"
        );
        assert_eq!(
            text(&source, -600, now),
            "04:00–05:00 · 15 s · 2 series · allowed"
        );
    }

    #[test]
    fn says_the_date_where_it_is_not_today() {
        let mut source = source();
        let now = source.end_ms + DAY_MS;
        assert_eq!(
            text(&source, 0, now),
            "24 Nov 14:00–15:00 · 15 s · 2 series · allowed"
        );
        source.start_ms -= DAY_MS;
        assert_eq!(
            text(&source, 0, now),
            "23 Nov 14:00 – 24 Nov 15:00 · 15 s · 2 series · allowed"
        );
        source.mode = QueryMode::Instant;
        source.end_ms += 5_000;
        assert_eq!(
            text(&source, 0, source.end_ms),
            "at 15:00:05 · 2 series · allowed"
        );
    }

    #[test]
    fn days_have_their_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_781), (2026, 11, 24));
        assert_eq!(civil(-1), (1969, 12, 31));
    }
}
