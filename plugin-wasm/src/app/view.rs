//! The `app` node: everything on the page that is not the conversation itself.

use persai_protocol::rest::{Authentication, ModelInfo, RunState};

use super::connecting::Connection;
use super::core::Core;
use super::following::Follow;
use crate::view::{AppView, ConversationOption, DatasourceOption, ModelOption, Phase};

/// Questions that the built-in engine, too, answers on any Prometheus with node_exporter.
const SUGGESTIONS: [&str; 4] = [
    "What is down?",
    "What is the CPU usage per mode over the last 30 minutes?",
    "Which metrics are there about memory?",
    "Show the top 5 instances by CPU usage",
];

impl Core {
    pub(super) fn app_view(&self) -> AppView {
        let phase = match self.connection {
            Connection::NotStarted
            | Connection::ReadingConfig { .. }
            | Connection::Looking { .. }
            | Connection::Entering { .. } => Phase::Connecting,
            Connection::Ready => Phase::Ready,
            Connection::Unreachable { .. } => Phase::Unreachable,
            Connection::Incompatible => Phase::Incompatible,
        };
        let models = self
            .capabilities
            .as_ref()
            .map(|known| known.models.as_slice())
            .unwrap_or_default();
        let selected_model = models.iter().find(|model| model.id == self.model);
        let running = self.is_running();
        AppView {
            phase,
            trouble: self.trouble.clone(),
            datasources: self.datasource_options(),
            models: models.iter().map(|m| ModelOption { id: m.id.clone(), title: m.title.clone() }).collect(),
            selected_model: self.model.clone(),
            privacy_line: selected_model.map(privacy_line).unwrap_or_default(),
            history_line: self
                .capabilities
                .as_ref()
                .filter(|known| known.authentication == Authentication::None)
                .map(|_| "This Perses has no sign-in: conversations are kept per browser and are not private.".into()),
            suggestions: if self.chat.is_empty() && self.conversation.is_none() {
                SUGGESTIONS.map(ToOwned::to_owned).to_vec()
            } else {
                Vec::new()
            },
            conversation_id: self.conversation.clone(),
            conversations: self.conversation_options(running),
            messages: self.chat.message_ids(),
            running,
            activity: self.activity(running),
            can_send: phase == Phase::Ready && !running && !self.is_signed_out(),
        }
    }

    fn datasource_options(&self) -> Vec<DatasourceOption> {
        self.datasources
            .iter()
            .map(|one| DatasourceOption {
                selector: one.selector.clone(),
                title: one.title.clone(),
                selected: self.selected.contains(&one.selector),
                disabled_reason: one.disabled_reason.clone(),
            })
            .collect()
    }

    fn conversation_options(&self, running: bool) -> Vec<ConversationOption> {
        self.conversations
            .iter()
            .map(|one| {
                let listed = one.run.as_ref().is_some_and(|run| {
                    matches!(run.state, RunState::Running | RunState::AwaitingCredentials)
                });
                let is_open = self.conversation.as_ref() == Some(&one.id);
                ConversationOption {
                    id: one.id.clone(),
                    title: one.title.clone(),
                    // Of the open one the stream knows more than the list.
                    running: if is_open { running } else { listed },
                    updated_at_ms: one.updated_at_ms,
                }
            })
            .collect()
    }

    fn activity(&self, running: bool) -> Option<String> {
        if self.stopping {
            return Some("Stopping".to_owned());
        }
        if matches!(self.follow, Follow::Waiting { .. }) && running {
            return Some("The connection was lost. Reconnecting".to_owned());
        }
        self.chat
            .activity()
            .or_else(|| running.then(|| "Sending the question".to_owned()))
    }
}

fn privacy_line(model: &ModelInfo) -> String {
    match &model.sent_to {
        Some(host) if !model.builtin => format!("Questions and query digests are sent to {host}."),
        _ if model.builtin => {
            "Answers come from the built-in engine; nothing leaves this Perses.".to_owned()
        }
        _ => format!(
            "Answers come from {}; nothing leaves this Perses.",
            model.title
        ),
    }
}
