//! What of a [`Chat`] the shim has to be told.

use super::chat::Chat;
use super::message::{Message, Piece};
use crate::panel::PanelContext;
use crate::view::{Patch, ViewNode};

impl Chat {
    /// Ids of the messages, oldest first.
    #[must_use]
    pub fn message_ids(&self) -> Vec<String> {
        self.messages
            .iter()
            .map(|message| message.id().to_owned())
            .collect()
    }

    /// One quiet line on what is being done now; `None` where no run goes on.
    #[must_use]
    pub fn activity(&self) -> Option<String> {
        let run_id = self.running()?;
        let answer = self
            .messages
            .iter()
            .rev()
            .find_map(|message| match message {
                Message::Answer(answer) if answer.run_id == run_id => Some(answer),
                _ => None,
            })?;
        let running: Vec<_> = answer
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Tool(id) => self
                    .tools
                    .iter()
                    .find(|tool| tool.id == *id && tool.is_running()),
                _ => None,
            })
            .collect();
        Some(match running.as_slice() {
            [] if answer.is_writing() => "Writing the answer".to_owned(),
            [] => "Thinking".to_owned(),
            [one] => one.title(),
            [first, rest @ ..] => format!("{} and {} more", first.title(), rest.len()),
        })
    }

    /// Everything that changed since the last call: children before what names them.
    pub fn drain(&mut self, patches: &mut Vec<Patch>, now_ms: i64) {
        patches.extend(
            std::mem::take(&mut self.removed)
                .into_iter()
                .map(|key| Patch::Remove { key }),
        );
        let kinds = self.page.panel_kinds.as_deref();
        let context = kinds.map(|kinds| PanelContext {
            kinds,
            utc_offset_minutes: self.page.utc_offset_minutes,
            now_ms,
        });
        for tool in &mut self.tools {
            if std::mem::take(&mut tool.dirty) {
                patches.push(Patch::Set {
                    key: format!("tool/{}", tool.id),
                    value: ViewNode::Tool(tool.view(context)),
                });
            }
        }
        for message in &mut self.messages {
            if let Message::Answer(answer) = message {
                answer.drain_texts(patches);
            }
            if message.take_dirty() {
                let key = format!("message/{}", message.id());
                patches.push(Patch::Set {
                    key,
                    value: ViewNode::Message(message.view()),
                });
            }
        }
    }

    /// The next drain gives out everything, for a shim that starts from nothing.
    pub fn forget_shown(&mut self) {
        self.removed.clear();
        for tool in &mut self.tools {
            tool.dirty = true;
        }
        for message in &mut self.messages {
            match message {
                Message::Question(question) => question.dirty = true,
                Message::Answer(answer) => answer.forget_shown(&self.page.policy),
            }
        }
    }

    /// Every key that the shim may hold.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self
            .tools
            .iter()
            .map(|tool| format!("tool/{}", tool.id))
            .collect();
        for message in &self.messages {
            keys.push(format!("message/{}", message.id()));
            if let Message::Answer(answer) = message {
                keys.extend(answer.keys().map(ToOwned::to_owned));
            }
        }
        keys
    }
}

impl Message {
    fn id(&self) -> &str {
        match self {
            Self::Question(question) => &question.id,
            Self::Answer(answer) => &answer.id,
        }
    }

    fn view(&self) -> crate::view::MessageView {
        match self {
            Self::Question(question) => question.view(),
            Self::Answer(answer) => answer.view(),
        }
    }

    fn take_dirty(&mut self) -> bool {
        match self {
            Self::Question(question) => std::mem::take(&mut question.dirty),
            Self::Answer(answer) => std::mem::take(&mut answer.dirty),
        }
    }
}
