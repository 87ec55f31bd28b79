// The visible conversation: its messages, the first questions while it is empty, and the quiet line of what goes on.

import * as React from 'react';
import { readAnew } from './core';
import { ErrorBoundary } from './ErrorBoundary';
import type { AppView } from './generated/view';
import { Icon } from './Icon';
import { Message } from './Message';
import { Trouble } from './Trouble';
import type { FollowBottom } from './use-follow-bottom';

interface Props {
  app: AppView;
  follow: FollowBottom;
  onAsk: (text: string) => void;
}

export function Conversation({ app, follow, onAsk }: Props): React.ReactElement {
  const empty = app.messages.length === 0 && app.phase === 'ready';
  return (
    <div className="persai-log-frame">
      <div
        className="persai-log"
        role="log"
        aria-label="Conversation"
        aria-live="polite"
        // Read out when the answer has settled, not token by token.
        aria-busy={app.running}
        tabIndex={0}
        ref={follow.boxRef}
      >
        <div className="persai-column" ref={follow.contentRef}>
          {empty && <FirstLook app={app} onAsk={onAsk} />}
          {app.messages.map((id) => (
            <ErrorBoundary key={id} place={`message ${id}`} fallback={brokenMessage}>
              <Message id={id} />
            </ErrorBoundary>
          ))}
          {app.running && (
            <p className="persai-activity">
              <span className="persai-pulse" aria-hidden="true" />
              {app.activity ?? 'Working'}
            </p>
          )}
        </div>
      </div>
      {follow.hasNews && (
        <button type="button" className="persai-button persai-news" onClick={follow.toBottom}>
          <Icon name="down" /> new
        </button>
      )}
    </div>
  );
}

/** The other messages stay. */
function brokenMessage(error: Error, reset: () => void): React.ReactElement {
  return (
    <Trouble
      trouble={{
        code: 'messageFailed',
        what: 'This message can’t be drawn.',
        why: error.message,
        todo: 'Draw it again, or reload the page. The conversation is kept by the relay.',
        canRetry: true,
      }}
      onRetry={() => {
        readAnew();
        reset();
      }}
      retryLabel="Draw again"
    />
  );
}

function FirstLook({ app, onAsk }: { app: AppView; onAsk: (text: string) => void }): React.ReactElement {
  return (
    <section className="persai-first" aria-label="First questions">
      <h2>Ask about your data</h2>
      <p className="persai-quiet">
        Every query that answers your question is drawn as a panel, so that you can check it.
      </p>
      <div className="persai-suggestions" role="group" aria-label="First questions">
        {app.suggestions.map((text) => (
          <button key={text} type="button" disabled={!app.canSend} onClick={() => onAsk(text)}>
            {text}
          </button>
        ))}
      </div>
    </section>
  );
}
