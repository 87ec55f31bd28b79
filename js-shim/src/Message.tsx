// A question or an answer: its parts in order, then what went wrong, then what can be done with it.

import * as React from 'react';
import { memo } from 'react';
import { CopyButton } from './CopyButton';
import { dispatch } from './core';
import type { MessageView, Part } from './generated/view';
import { signInUrl } from './host';
import { Markdown } from './Markdown';
import { ToolCard } from './ToolCard';
import { Trouble } from './Trouble';
import { useMarkdown, useMessage } from './use-view';

export const Message = memo(function Message({ id }: { id: string }): React.ReactElement | null {
  const message = useMessage(id);
  if (!message) return null;
  const isUser = message.from === 'user';
  return (
    <article
      className={isUser ? 'persai-message persai-question' : 'persai-message persai-answer'}
      aria-label={isUser ? 'Question' : 'Answer'}
      aria-busy={message.state === 'streaming' || undefined}
      data-state={message.state}
    >
      <header className="persai-message-head">
        <strong>{isUser ? 'You' : 'PersAI'}</strong>
        <Time atMs={message.atMs} />
        {message.state === 'sending' && <span>sending</span>}
        {message.state === 'stopped' && !message.trouble && <span className="persai-badge">stopped</span>}
      </header>
      {message.parts.map((part, index) => (
        <PartView key={index} part={part} />
      ))}
      {message.trouble && (
        <Trouble
          trouble={message.trouble}
          onRetry={() => dispatch({ type: 'retry' })}
          signInHref={message.trouble.code === 'signInAgain' ? signInUrl() : undefined}
        />
      )}
      <Actions message={message} />
    </article>
  );
});

function PartView({ part }: { part: Part }): React.ReactElement {
  switch (part.part) {
    case 'text':
      return <div className="persai-plain">{part.text}</div>;
    case 'markdown':
      return <MarkdownPart id={part.key} />;
    case 'tool':
      return <ToolCard toolCallId={part.toolCallId} />;
    case 'notice':
      return (
        <p className="persai-notice">
          {part.text}
          {part.hint && <span className="persai-quiet"> {part.hint}</span>}
        </p>
      );
  }
}

function MarkdownPart({ id }: { id: string }): React.ReactElement {
  return <Markdown tree={useMarkdown(id)} origin={window.location.origin} />;
}

/** One row of the same height while the answer is written and when it has settled: nothing moves at the end. */
function Actions({ message }: { message: MessageView }): React.ReactElement | null {
  if (message.from === 'user') return null;
  return (
    <footer className="persai-row persai-actions">
      {message.state === 'streaming' && <span className="persai-caret" aria-hidden="true" />}
      {message.source && <CopyButton name="Copy answer" text={message.source} />}
    </footer>
  );
}

/** In the reader's time zone, which the title names. */
function Time({ atMs }: { atMs: number }): React.ReactElement | null {
  const at = new Date(atMs);
  if (Number.isNaN(at.getTime()) || atMs <= 0) return null;
  return (
    <time dateTime={at.toISOString()} title={at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' })}>
      {at.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })}
    </time>
  );
}
