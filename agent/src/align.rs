//! Windows and steps as Perses' Prometheus plugin makes them, so that a panel shows what the model read.

/// A window in whole seconds, aligned to its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub start_secs: i64,
    pub end_secs: i64,
    pub step_secs: i64,
}

/// More points than this and the plugin takes a longer step.
const SAFE_POINTS: i64 = 10_000;
/// Points that we aim at where nobody said how wide the panel is.
const USUAL_POINTS: i64 = 250;
const NICE_STEPS_SECS: [i64; 17] = [
    1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800,
];

/// The step and the aligned window for `[start_ms, end_ms]`.
///
/// `min_step_secs` is a lower bound; `suggested_step_ms` is what a panel of the asker's width would take.
#[must_use]
pub fn window(
    start_ms: i64,
    end_ms: i64,
    min_step_secs: i64,
    suggested_step_ms: Option<i64>,
    utc_offset_minutes: i32,
) -> Window {
    let (start, end) = (start_ms.div_euclid(1000), end_ms.div_euclid(1000));
    let range = end - start;
    let wanted = match suggested_step_ms {
        Some(ms) => ms.max(0).div_euclid(1000) + i64::from(ms.max(0) % 1000 != 0),
        None => nice(range.max(0) / USUAL_POINTS + i64::from(range.max(0) % USUAL_POINTS != 0)),
    };
    let mut step = wanted.max(min_step_secs).max(safe_step(range)).max(1);
    loop {
        let aligned = align(start, end, step, utc_offset_minutes);
        // Aligning may lengthen the window by a step, and a panel computes its safe step from the aligned one.
        let safe = safe_step(aligned.end_secs - aligned.start_secs);
        if safe <= step {
            return aligned;
        }
        step = safe;
    }
}

/// `floor((t + o) / step) * step - o`, where `o` is JavaScript's `getTimezoneOffset()` in seconds.
#[must_use]
pub fn align(start_secs: i64, end_secs: i64, step_secs: i64, utc_offset_minutes: i32) -> Window {
    let offset = -i64::from(utc_offset_minutes) * 60;
    let floor = |secs: i64| (secs + offset).div_euclid(step_secs) * step_secs - offset;
    let (start, end) = (floor(start_secs), floor(end_secs));
    let end = if end == start { start + step_secs } else { end };
    Window {
        start_secs: start,
        end_secs: end,
        step_secs,
    }
}

/// The least step, in whole seconds, that keeps a window within the plugin's own limit of points.
fn safe_step(range_secs: i64) -> i64 {
    let range = range_secs.max(0);
    range / SAFE_POINTS + i64::from(range % SAFE_POINTS != 0)
}

fn nice(step_secs: i64) -> i64 {
    NICE_STEPS_SECS
        .iter()
        .copied()
        .find(|nice| *nice >= step_secs)
        .unwrap_or(step_secs)
}

impl Window {
    /// Points on the grid, both ends included.
    #[must_use]
    pub fn points(&self) -> u64 {
        u64::try_from((self.end_secs - self.start_secs) / self.step_secs.max(1)).unwrap_or(0) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the plugin computes, in floating point as JavaScript does it.
    fn plugin(
        start_ms: i64,
        end_ms: i64,
        min_step: f64,
        suggested_ms: f64,
        js_offset_minutes: f64,
    ) -> (f64, f64, f64) {
        let (start, end) = (
            (start_ms as f64 / 1000.0).floor().ceil(),
            (end_ms as f64 / 1000.0).floor().ceil(),
        );
        let mut safe = (end - start) / 10_000.0;
        if safe > 1.0 {
            safe = safe.ceil();
        }
        let step = (suggested_ms / 1000.0).max(min_step).max(safe);
        let o = js_offset_minutes * 60.0;
        let (start, mut end) = (
            ((start + o) / step).floor() * step - o,
            ((end + o) / step).floor() * step - o,
        );
        if end == start {
            end = start + step;
        }
        (start, end, step)
    }

    #[test]
    fn a_pinned_panel_asks_for_the_same_window_in_every_zone() {
        let now = 1_795_515_637_123;
        for offset in [0, 345, -570, 60, -60, 765, -210, 330] {
            for step_ms in [
                1_000, 15_000, 60_000, 3_600_000, 7_200_000, 86_400_000, 17_500,
            ] {
                for range_ms in [
                    1_000,
                    900_000,
                    1_800_000,
                    3_600_000,
                    86_400_000,
                    86_400_000 * 31,
                    110_000_000,
                    5,
                ] {
                    let ours = window(now - range_ms, now, 1, Some(step_ms), offset);
                    let step = ours.step_secs as f64;
                    let theirs = plugin(
                        ours.start_secs * 1000,
                        ours.end_secs * 1000,
                        step,
                        step * 1000.0,
                        -f64::from(offset),
                    );
                    assert_eq!(
                        (ours.start_secs as f64, ours.end_secs as f64, step),
                        theirs,
                        "offset {offset} step {step_ms} range {range_ms}"
                    );
                }
            }
        }
    }

    #[test]
    fn whole_second_steps_are_the_plugins_own() {
        let now = 1_795_515_637_123;
        for offset in [0, 345, -570] {
            for (suggested, min) in [(15_000, 15), (3_600_000, 15), (3_600_000, 60), (60_000, 1)] {
                for range_ms in [900_000, 3_600_000, 86_400_000 * 7] {
                    let ours = window(now - range_ms, now, min, Some(suggested), offset);
                    let theirs = plugin(
                        now - range_ms,
                        now,
                        min as f64,
                        suggested as f64,
                        -f64::from(offset),
                    );
                    assert_eq!(
                        (
                            ours.start_secs as f64,
                            ours.end_secs as f64,
                            ours.step_secs as f64
                        ),
                        theirs
                    );
                }
            }
        }
    }

    #[test]
    fn kathmandu_hours_begin_at_a_quarter() {
        // 2026-11-24T10:20:37Z is 16:05:37 in Kathmandu; the plugin aligns by its offset of -345 minutes.
        let window = window(
            1_795_515_637_000 - 6 * 3_600_000,
            1_795_515_637_000,
            15,
            Some(3_600_000),
            345,
        );
        assert_eq!(window.end_secs, 1_795_513_500);
        assert_eq!((window.end_secs - 345 * 60).rem_euclid(3_600), 0);
        assert_eq!(window.end_secs - window.start_secs, 6 * 3_600);
    }

    #[test]
    fn without_a_suggestion_steps_are_nice_and_not_below_the_scrape_interval() {
        for (range_secs, scrape, step) in [
            (1_800, 15, 15),
            (1_800, 5, 10),
            (3_600, 15, 15),
            (3_600, 60, 60),
            (86_400, 15, 600),
            (86_400 * 7, 15, 3_600),
        ] {
            assert_eq!(
                window(0, range_secs * 1000, scrape, None, 0).step_secs,
                step,
                "{range_secs}"
            );
        }
    }

    #[test]
    fn a_window_within_one_step_is_widened_to_one() {
        let narrow = window(1_000_000, 1_001_000, 60, None, 0);
        assert_eq!(narrow.end_secs - narrow.start_secs, 60);
        assert_eq!(narrow.points(), 2);
    }
}
