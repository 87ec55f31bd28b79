//! What the user and the host page do.

use persai_protocol::evidence::DatasourceSelector;
use persai_protocol::id::is_valid_id;

use super::Memo;
use super::calls::Purpose;
use super::connecting::Connection;
use super::core::{Alarm, Core};
use super::following::Follow;
use super::sending::Outbox;
use crate::markdown::LinkPolicy;
use crate::state::trouble;
use crate::view::{Command, HostEnv};

/// Where the relay has not said what it takes.
const MAX_QUESTION_BYTES: u64 = 64 * 1024;

impl Core {
    pub(super) fn command(&mut self, command: Command) -> Result<(), String> {
        match command {
            Command::Start { env } => self.start(env),
            Command::SetTimeRange {
                time_range,
                utc_offset_minutes,
            } => {
                if let Some(env) = &mut self.env {
                    (env.time_range, env.utc_offset_minutes) = (time_range, utc_offset_minutes);
                }
                self.set_zone(utc_offset_minutes);
            }
            Command::SetSuggestedStep { step_ms } => {
                self.suggested_step_ms = (step_ms > 0).then_some(step_ms)
            }
            Command::SelectDatasources { names } => return self.select_datasources(names),
            Command::SelectModel { id } => {
                if !self
                    .capabilities
                    .as_ref()
                    .is_some_and(|known| known.models.iter().any(|model| model.id == id))
                {
                    return Err("That model is not offered.".to_owned());
                }
                self.model = id;
            }
            Command::Ask { text } => return self.ask_command(&text),
            Command::Stop => return self.stop(),
            Command::NewConversation => self.leave_conversation(),
            Command::OpenConversation { id } => return self.open_conversation(id),
            Command::Retry => return self.retry(),
            Command::SetPanelKinds { kinds } => {
                self.chat.page.panel_kinds = Some(kinds);
                self.chat.page_changed();
            }
            Command::ChoosePanelKind { tool_call_id, kind } => {
                self.chat.choose_panel_kind(&tool_call_id, kind)
            }
            Command::ToggleTool { tool_call_id } => self.chat.toggle_tool(&tool_call_id),
            Command::Visibility { hidden } => self.visibility(hidden),
        }
        Ok(())
    }

    /// Once; a shim that mounts again only says anew where it is.
    fn start(&mut self, env: HostEnv) {
        self.chat.page.policy = LinkPolicy::new(env.origin.clone());
        self.set_zone(env.utc_offset_minutes);
        self.env = Some(env);
        if matches!(
            self.connection,
            Connection::NotStarted | Connection::Unreachable { .. }
        ) {
            self.connect();
        }
    }

    fn set_zone(&mut self, utc_offset_minutes: i32) {
        if self.chat.page.utc_offset_minutes != utc_offset_minutes {
            self.chat.page.utc_offset_minutes = utc_offset_minutes;
            self.chat.page_changed();
        }
    }

    fn select_datasources(&mut self, names: Vec<DatasourceSelector>) -> Result<(), String> {
        for name in &names {
            let Some(known) = self
                .datasources
                .iter()
                .find(|known| known.selector == *name)
            else {
                return Err(format!("There is no datasource {}.", name.name));
            };
            if let Some(reason) = &known.disabled_reason {
                return Err(reason.clone());
            }
        }
        if let Some(first) = names.first() {
            self.remembered.datasource = Some(first.name.clone());
            self.remember(Memo::Datasource, Some(first.name.clone()));
        }
        self.selected = names;
        Ok(())
    }

    fn ask_command(&mut self, text: &str) -> Result<(), String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("Write a question first.".to_owned());
        }
        if self.is_running() {
            return Err(
                "An answer is still being written. Stop it, or wait for its end.".to_owned(),
            );
        }
        if self.connection != Connection::Ready {
            return Err("PersAI is not connected yet.".to_owned());
        }
        if self.is_signed_out() {
            return Err("Your session has expired. Sign in again, then try again here.".to_owned());
        }
        let most = self
            .capabilities
            .as_ref()
            .map_or(MAX_QUESTION_BYTES, |known| known.max_question_bytes);
        if text.len() as u64 > most {
            return Err(format!(
                "The question is too long: {} bytes, at most {most} are taken.",
                text.len()
            ));
        }
        self.ask(text.to_owned(), None);
        Ok(())
    }

    /// The run, if one goes on, goes on without us.
    fn leave_conversation(&mut self) {
        self.unfollow();
        self.cancel_alarms(Alarm::Post);
        if let Outbox::Posting(_) | Outbox::Waiting(_) | Outbox::Accepted { .. } =
            std::mem::replace(&mut self.outbox, Outbox::Empty)
        {
            self.refresh_conversations();
        }
        self.stopping = false;
        self.clear_trouble(&[trouble::RELAY_UNREACHABLE, trouble::STOP_FAILED, "notFound"]);
        self.chat.clear();
        self.conversation = None;
        self.remember(Memo::Conversation, None);
    }

    fn open_conversation(&mut self, id: String) -> Result<(), String> {
        if !is_valid_id(&id) {
            return Err("That is not a conversation.".to_owned());
        }
        if self.conversation.as_ref() == Some(&id) {
            return Ok(());
        }
        self.leave_conversation();
        self.remember(Memo::Conversation, Some(id.clone()));
        self.conversation = Some(id);
        self.follow_now();
        Ok(())
    }

    /// Whatever failed is tried again: the connection first, then the question.
    fn retry(&mut self) -> Result<(), String> {
        if matches!(
            self.connection,
            Connection::Unreachable { .. } | Connection::Incompatible
        ) {
            self.session_again_if_needed();
            self.connect();
            return Ok(());
        }
        let mut tried = self.session_again_if_needed();
        if tried {
            self.enter(0);
        }
        if matches!(self.follow, Follow::Waiting { .. } | Follow::Parked) && !self.hidden {
            self.follow_now();
            tried = true;
        }
        if matches!(self.outbox, Outbox::Waiting(_)) {
            self.post();
            return Ok(());
        }
        if let Some(question) = self.chat.unanswered().filter(|_| !self.is_running()) {
            self.ask(question.text, question.unsent);
            return Ok(());
        }
        let reload = [trouble::DATASOURCES_UNREADABLE, trouble::NO_DATASOURCE];
        if self
            .trouble
            .as_ref()
            .is_some_and(|trouble| reload.contains(&trouble.code.as_str()))
        {
            self.read_datasources();
            tried = true;
        }
        if tried || self.is_under_way(&Purpose::Stream) {
            Ok(())
        } else {
            Err("There is nothing to try again.".to_owned())
        }
    }

    fn session_again_if_needed(&mut self) -> bool {
        let signed_out = self.is_signed_out();
        if signed_out {
            self.try_session_again();
        }
        signed_out
    }
}
