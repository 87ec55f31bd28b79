//! The operator's log: one line per request and what is worth knowing, without content.

use tracing::Subscriber;
use tracing_subscriber::filter::FilterExt as _;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// Libraries get no finer than warnings, whatever `filter` says: their debug lines may hold headers and bodies. The
/// provider library gets nothing: its warnings repeat what a provider said, which may repeat a question.
///
/// # Errors
/// `filter` is not of `RUST_LOG`'s form.
pub fn subscriber<W>(filter: &str, writer: W) -> Result<impl Subscriber + Send + Sync, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter)?;
    let ours = tracing_subscriber::filter::filter_fn(|metadata| {
        let target = metadata.target();
        target.starts_with("persai")
            || (*metadata.level() <= tracing::Level::WARN && !target.starts_with("rig"))
    });
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false);
    // As one, so that spans that nobody sees are not kept either.
    Ok(tracing_subscriber::registry().with(lines.with_filter(ours.and(filter))))
}
