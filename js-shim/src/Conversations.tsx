// The list of conversations; a drawer where the window is narrow.

import * as React from 'react';
import { useEffect, useRef } from 'react';
import { dispatch } from './core';
import type { AppView, ConversationOption } from './generated/view';
import { Icon } from './Icon';

interface Props {
  app: AppView;
  open: boolean;
  onClose: () => void;
}

export function Conversations({ app, open, onClose }: Props): React.ReactElement {
  const list = useRef<HTMLElement>(null);
  useEffect(() => {
    if (open) list.current?.querySelector('button')?.focus();
  }, [open]);
  return (
    <>
      <nav className="persai-list" aria-label="Conversations" data-open={open} ref={list}>
        <button
          type="button"
          className="persai-button persai-new"
          onClick={() => {
            dispatch({ type: 'newConversation' });
            onClose();
          }}
        >
          <Icon name="plus" /> New conversation
        </button>
        {byDay(app.conversations).map(([day, conversations]) => (
          <section key={day} aria-label={day}>
            <h3>{day}</h3>
            <ul>
              {conversations.map((conversation) => (
                <li key={conversation.id}>
                  <button
                    type="button"
                    aria-current={conversation.id === app.conversationId ? 'true' : undefined}
                    title={conversation.title}
                    onClick={() => {
                      dispatch({ type: 'openConversation', id: conversation.id });
                      onClose();
                    }}
                  >
                    {conversation.running && <span className="persai-pulse" role="img" aria-label="Running" />}
                    <span>{conversation.title}</span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </nav>
      {open && <div className="persai-shade" aria-hidden="true" onClick={onClose} />}
    </>
  );
}

/** In the order given, under the reader's own days. */
function byDay(conversations: readonly ConversationOption[]): Array<[string, ConversationOption[]]> {
  const days = new Map<string, ConversationOption[]>();
  const today = new Date().toDateString();
  const yesterday = new Date(Date.now() - 86_400_000).toDateString();
  for (const conversation of conversations) {
    const date = new Date(conversation.updatedAtMs);
    const text = date.toDateString();
    const day =
      text === today
        ? 'Today'
        : text === yesterday
          ? 'Yesterday'
          : date.toLocaleDateString(undefined, { dateStyle: 'medium' });
    const group = days.get(day);
    if (group) group.push(conversation);
    else days.set(day, [conversation]);
  }
  return [...days];
}
