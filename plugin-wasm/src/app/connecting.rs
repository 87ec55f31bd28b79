//! Finding the relay, and reading the lists that the page begins with.

use persai_protocol::rest::Capabilities;

use super::Memo;
use super::calls::Purpose;
use super::core::{Alarm, Core};
use crate::state::trouble;
use crate::transport::answer::{self, Answer, Failure};
use crate::transport::request::Endpoints;
use crate::transport::{backoff, discovery, perses};
use crate::view::TroubleView;
use crate::wire::rest;

/// Kinds that are taken for present where Perses' list can't be had: its own first two.
const USUAL_KINDS: [&str; 2] = ["TimeSeriesChart", "StatChart"];

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Connection {
    NotStarted,
    /// `config.json` beside the plugin is being read.
    ReadingConfig {
        failures: u32,
    },
    /// The candidate at `at` is asked for its capabilities.
    Looking {
        candidates: Vec<String>,
        at: usize,
        saw_trouble: bool,
        failures: u32,
    },
    /// The relay is known; the lists are being read.
    Entering {
        failures: u32,
    },
    Ready,
    /// Nobody answered; tried again by itself where `again` says so.
    Unreachable {
        failures: u32,
    },
    Incompatible,
}

impl Core {
    /// Looks for the relay from the start.
    pub(super) fn connect(&mut self) {
        let Some(env) = &self.env else { return };
        let failures = match self.connection {
            Connection::Unreachable { failures } => failures,
            _ => 0,
        };
        let request = Endpoints::config(&env.plugin_base);
        self.endpoints.api_prefix.clone_from(&env.api_prefix);
        self.cancel_alarms(Alarm::Connect);
        self.connection = Connection::ReadingConfig { failures };
        self.send(Purpose::Config, request);
    }

    pub(super) fn config_read(&mut self, answer: &Answer) {
        let Connection::ReadingConfig { failures } = self.connection else {
            return;
        };
        let candidates = discovery::candidates(answer, &self.endpoints.api_prefix);
        self.connection = Connection::Looking {
            candidates,
            at: 0,
            saw_trouble: false,
            failures,
        };
        self.ask_candidate();
    }

    fn ask_candidate(&mut self) {
        let Connection::Looking {
            candidates,
            at,
            saw_trouble,
            failures,
        } = &self.connection
        else {
            return;
        };
        if let Some(base) = candidates.get(*at) {
            self.endpoints.relay.clone_from(base);
            let request = self.endpoints.capabilities();
            self.send(Purpose::Capabilities, request);
            return;
        }
        let (places, may_pass, failures) = (candidates.join(" and "), *saw_trouble, *failures);
        if may_pass {
            self.not_connected(failures, |secs| {
                trouble::own(trouble::RELAY_UNREACHABLE, None, Some(secs))
            });
        } else {
            let why = format!("None answered at {places}.");
            self.connection = Connection::Unreachable { failures };
            self.trouble = Some(trouble::own(trouble::RELAY_MISSING, Some(why), None));
        }
    }

    pub(super) fn capabilities_read(&mut self, answer: &Answer) {
        let Connection::Looking {
            at,
            saw_trouble,
            failures,
            ..
        } = &mut self.connection
        else {
            return;
        };
        match discovery::judge(answer) {
            discovery::Found::Relay(capabilities) => {
                let failures = *failures;
                self.relay_found(capabilities, failures);
            }
            discovery::Found::Incompatible {
                relay_version,
                relay,
            } => {
                let why = format!(
                    "This plugin speaks protocol {}, the relay (version {relay_version}) {} to {}.",
                    persai_protocol::PROTOCOL_MAX,
                    relay.min,
                    relay.max
                );
                self.connection = Connection::Incompatible;
                self.trouble = Some(trouble::own(trouble::RELAY_INCOMPATIBLE, Some(why), None));
            }
            found => {
                *saw_trouble |= found == discovery::Found::NotNow;
                *at += 1;
                self.ask_candidate();
            }
        }
    }

    fn relay_found(&mut self, capabilities: Box<Capabilities>, failures: u32) {
        if !capabilities
            .models
            .iter()
            .any(|model| model.id == self.model)
        {
            self.model.clone_from(&capabilities.default_model);
        }
        self.capabilities = Some(capabilities);
        self.clear_trouble(&[
            trouble::RELAY_UNREACHABLE,
            trouble::RELAY_MISSING,
            trouble::RELAY_INCOMPATIBLE,
        ]);
        self.enter(failures);
    }

    /// Reads the lists. The conversations come first: they tell whether Perses takes the token, and Perses' own API is
    /// asked only then (the page repeats its refusals many times over).
    pub(super) fn enter(&mut self, failures: u32) {
        self.connection = Connection::Entering { failures };
        self.refresh_conversations();
    }

    pub(super) fn refresh_conversations(&mut self) {
        let known = matches!(
            self.connection,
            Connection::Entering { .. } | Connection::Ready
        );
        if known && !self.is_signed_out() && !self.is_under_way(&Purpose::Conversations) {
            let request = self.endpoints.conversations();
            self.send(Purpose::Conversations, request);
        }
    }

    pub(super) fn conversations_read(&mut self, answer: &Answer) {
        let list = answer::read(answer, rest::conversations);
        let Connection::Entering { failures } = self.connection else {
            // A refresh that fails leaves the old list.
            if let Ok(list) = list {
                self.conversations = list;
            }
            return;
        };
        match list {
            Ok(list) => {
                self.conversations = list;
                self.clear_trouble(&[
                    trouble::RELAY_UNREACHABLE,
                    "persesUnreachable",
                    "storageUnavailable",
                ]);
                self.read_datasources();
                let plugins = self.endpoints.plugins();
                self.send(Purpose::Plugins, plugins);
                self.reopen_remembered();
            }
            Err(Failure::Passing(body)) => self.not_connected(failures, |secs| TroubleView {
                retry_in_secs: Some(secs),
                ..trouble::of_body(&body)
            }),
            Err(Failure::Wait { secs, body }) => {
                self.trouble = Some(TroubleView {
                    retry_in_secs: Some(secs),
                    ..trouble::of_body(&body)
                });
                self.connection = Connection::Unreachable {
                    failures: failures + 1,
                };
                self.set_alarm(Alarm::Connect, secs * 1000);
            }
            Err(Failure::Refused(body)) => {
                self.trouble = Some(trouble::of_body(&body));
                self.entered();
            }
            Err(Failure::Unreachable | Failure::NotOurs { .. } | Failure::TokenExpired) => {
                self.not_connected(failures, |secs| {
                    trouble::own(trouble::RELAY_UNREACHABLE, None, Some(secs))
                });
            }
        }
    }

    fn reopen_remembered(&mut self) {
        let remembered = self.remembered.conversation.take();
        if self.conversation.is_some() {
            self.follow_now();
        } else if let Some(id) = remembered {
            if self
                .conversations
                .iter()
                .any(|conversation| conversation.id == id)
            {
                self.conversation = Some(id);
                self.follow_now();
            } else {
                self.remember(Memo::Conversation, None);
            }
        }
    }

    pub(super) fn read_datasources(&mut self) {
        if !self.is_under_way(&Purpose::Datasources) {
            let request = self.endpoints.datasources();
            self.send(Purpose::Datasources, request);
        }
    }

    pub(super) fn datasources_read(&mut self, answer: &Answer) {
        self.clear_trouble(&[trouble::DATASOURCES_UNREADABLE, trouble::NO_DATASOURCE]);
        match perses::datasources(answer) {
            Ok(datasources) => {
                self.datasources = datasources;
                self.choose_datasource();
                if !self
                    .datasources
                    .iter()
                    .any(|one| one.disabled_reason.is_none())
                    && self.trouble.is_none()
                {
                    self.trouble = Some(trouble::own(trouble::NO_DATASOURCE, None, None));
                }
            }
            Err(_) if self.trouble.is_none() => {
                self.trouble = Some(trouble::own(trouble::DATASOURCES_UNREADABLE, None, None));
            }
            Err(_) => {}
        }
        self.entered();
    }

    /// The default one, else the last used, else the first; what is chosen and still there stays.
    fn choose_datasource(&mut self) {
        let usable = || {
            self.datasources
                .iter()
                .filter(|one| one.disabled_reason.is_none())
        };
        self.selected
            .retain(|selector| usable().any(|one| one.selector == *selector));
        if !self.selected.is_empty() {
            return;
        }
        let last_used = self.remembered.datasource.as_deref();
        let best = usable()
            .find(|one| one.is_default)
            .or_else(|| usable().find(|one| Some(one.selector.name.as_str()) == last_used))
            .or_else(|| usable().next())
            .map(|one| one.selector.clone());
        self.selected.extend(best);
    }

    pub(super) fn plugins_read(&mut self, answer: &Answer) {
        if self.chat.page.panel_kinds.is_some() {
            return;
        }
        let kinds = perses::panel_kinds(answer)
            .unwrap_or_else(|_| USUAL_KINDS.map(ToOwned::to_owned).to_vec());
        self.chat.page.panel_kinds = Some(kinds);
        self.chat.page_changed();
    }

    /// The page can be used, as far as it can.
    pub(super) fn entered(&mut self) {
        if matches!(self.connection, Connection::Entering { .. }) {
            self.connection = Connection::Ready;
        }
    }

    fn not_connected(&mut self, failures: u32, trouble: impl FnOnce(u64) -> TroubleView) {
        let failures = failures.saturating_add(1);
        let wait_ms = backoff::delay_ms(failures + 1, (self.random)());
        self.connection = Connection::Unreachable { failures };
        self.trouble = Some(trouble(wait_ms.div_ceil(1000)));
        self.set_alarm(Alarm::Connect, wait_ms);
    }
}
