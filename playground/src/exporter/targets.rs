//! Everything that Prometheus scrapes here: the shop's instances and the machines under them.

use super::world::Family;
use super::{hosts, text, world};

#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Last part of its path: `/metrics/<name>`.
    pub name: &'static str,
    pub instance: &'static str,
    pub job: &'static str,
    index: usize,
    families: fn(usize, f64) -> Vec<Family>,
    /// Answers a scrape with these families.
    text: fn(&[Family]) -> String,
    pub content_type: &'static str,
}

impl Target {
    /// What it shows at `at_secs` since 1970.
    #[must_use]
    pub fn families(&self, at_secs: f64) -> Vec<Family> {
        (self.families)(self.index, at_secs)
    }

    /// The answer to a scrape at `at_secs`: OpenMetrics of the shop, the older text format of the machines, in which
    /// node_exporter's metadata has the whole names of counters.
    #[must_use]
    pub fn scrape(&self, at_secs: f64) -> String {
        (self.text)(&self.families(at_secs))
    }
}

/// All that answer; `world::DOWN_INSTANCE` does not.
pub fn all() -> impl Iterator<Item = Target> {
    let shop = world::INSTANCES.into_iter().enumerate();
    let shop = shop.map(|(index, (name, instance))| Target {
        name,
        instance,
        job: world::JOB,
        index,
        families: world::families,
        text: text::scrape,
        content_type: text::CONTENT_TYPE,
    });
    let machines = hosts::INSTANCES.into_iter().enumerate();
    let machines = machines.map(|(index, (name, instance))| Target {
        name,
        instance,
        job: hosts::JOB,
        index,
        families: hosts::families,
        text: text::plain_scrape,
        content_type: text::PLAIN_CONTENT_TYPE,
    });
    shop.chain(machines)
}
