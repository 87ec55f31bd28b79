//! A query and what is known of its result → a native Perses panel, or none.
//!
//! Where to start: [`panel`]. [`source`] says what a panel is made of (evidence, or a foreign tool's arguments, see
//! [`foreign`]), [`decide`] is the table of kinds, [`definition`] writes Perses' own JSON, [`units`] and [`footer`] say
//! numbers and times in words.
//!
//! No panel means that the tool card shows the digest, which is readable as it is.

pub mod decide;
pub mod definition;
pub mod footer;
pub mod foreign;
pub mod source;
pub mod units;

use persai_protocol::custom::TimeRange;
use persai_protocol::evidence::QueryMode;

pub use source::PanelSource;

use crate::view::PanelView;

/// What of the page a panel depends on.
#[derive(Debug, Clone, Copy)]
pub struct PanelContext<'a> {
    /// The panel kinds that this Perses has.
    pub kinds: &'a [String],
    pub utc_offset_minutes: i32,
    pub now_ms: i64,
}

/// Width of the window that an instant query's panel is given; only its end counts.
const INSTANT_WINDOW_MS: i64 = 3_600_000;

/// The panel of `source`, as `chosen` kind where that fits; `None` where no kind of this Perses fits.
#[must_use]
pub fn panel(
    source: &PanelSource,
    chosen: Option<&str>,
    context: PanelContext<'_>,
) -> Option<PanelView> {
    let kinds = decide::kinds(source, context.kinds);
    let kind = chosen
        .and_then(|chosen| kinds.iter().find(|kind| **kind == chosen))
        .or(kinds.first())?;
    let title = title(source);
    let start_ms = if source.start_ms < source.end_ms {
        source.start_ms
    } else {
        source.end_ms - INSTANT_WINDOW_MS
    };
    Some(PanelView {
        kind: (*kind).to_owned(),
        alternatives: kinds
            .iter()
            .filter(|other| *other != kind)
            .map(|other| (*other).to_owned())
            .collect(),
        definition: definition::panel(source, kind, &title),
        title,
        time_range: TimeRange {
            start_ms,
            end_ms: source.end_ms,
        },
        step_ms: source.step_ms,
        mode: match source.mode {
            QueryMode::Range => "range",
            QueryMode::Instant => "instant",
        }
        .to_owned(),
        height_px: definition::height_px(source, kind),
        footer: footer::text(source, context.utc_offset_minutes, context.now_ms),
    })
}

/// Longest title, characters.
const TITLE_CHARS: usize = 120;

/// Never empty: Perses 0.52 refuses a panel without a name.
fn title(source: &PanelSource) -> String {
    let title = if source.title.trim().is_empty() {
        source.query.trim()
    } else {
        source.title.trim()
    };
    let mut cut: String = title.chars().take(TITLE_CHARS).collect();
    if cut.len() < title.len() {
        cut.push('…');
    }
    if cut.is_empty() {
        "Query".to_owned()
    } else {
        cut
    }
}
