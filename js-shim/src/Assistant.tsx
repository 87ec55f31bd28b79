// The assistant on the page: tells the core where it is, and lays out list, conversation and composer.

import * as React from 'react';
import { useEffect, useRef, useState } from 'react';
import { Composer } from './Composer';
import { Conversation } from './Conversation';
import { Conversations } from './Conversations';
import { dispatch, startOrResume } from './core';
import { DatasourcePicker } from './DatasourcePicker';
import type { AppView, TimeRange } from './generated/view';
import { hostEnv, rangeNow, signInUrl, useHostPanelKinds, useHostStepMs, useHostTimeRange } from './host';
import { Icon } from './Icon';
import { Trouble } from './Trouble';
import { useFollowBottom } from './use-follow-bottom';
import { useApp } from './use-view';

/** Of a panel in the conversation, CSS pixels; only the suggested step comes from it. */
const PANEL_WIDTH_PX = 860;

export function Assistant(): React.ReactElement {
  const timeRange = useHostTimeRange();
  useTellCore(timeRange);
  const app = useApp();
  const ask = (text: string): boolean => {
    startOrResume(hostEnv(rangeNow(timeRange)));
    return dispatch({ type: 'ask', text });
  };
  return app ? <Layout app={app} onAsk={ask} /> : <p className="persai-starting">Connecting to the relay</p>;
}

interface LayoutProps {
  app: AppView;
  /** False where the question was not taken. */
  onAsk: (text: string) => boolean;
}

function Layout({ app, onAsk }: LayoutProps): React.ReactElement {
  const follow = useFollowBottom(app.conversationId);
  const [listOpen, setListOpen] = useState(false);
  const menu = useRef<HTMLButtonElement>(null);
  const closeList = () => {
    setListOpen(false);
    menu.current?.focus();
  };

  const ask = (text: string) => {
    const taken = onAsk(text);
    if (taken) follow.toBottom();
    return taken;
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key !== 'Escape') return;
    if (listOpen) closeList();
    else if (app.running) dispatch({ type: 'stop' });
  };

  // Below a conversation, so that what is being read stays where it is.
  const trouble = app.trouble && (
    <div className="persai-banner">
      <div className="persai-column">
        <Trouble
          trouble={app.trouble}
          announce
          onRetry={() => dispatch({ type: 'retry' })}
          signInHref={app.trouble.code === 'signInAgain' ? signInUrl() : undefined}
        />
      </div>
    </div>
  );

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape stops the run from wherever the focus is
    <div className="persai-layout" onKeyDown={onKeyDown}>
      <Conversations app={app} open={listOpen} onClose={() => setListOpen(false)} />
      <div className="persai-main">
        <div className="persai-top">
          <button
            type="button"
            ref={menu}
            className="persai-button persai-menu"
            aria-label="Conversations"
            aria-expanded={listOpen}
            onClick={() => setListOpen(!listOpen)}
          >
            <Icon name="menu" />
          </button>
          <DatasourcePicker options={app.datasources} />
        </div>
        {app.phase === 'connecting' && !app.trouble && (
          <p className="persai-quiet persai-banner">Connecting to the relay</p>
        )}
        {app.messages.length === 0 && trouble}
        <Conversation app={app} follow={follow} onAsk={ask} />
        {app.messages.length > 0 && trouble}
        <Composer app={app} onAsk={ask} />
      </div>
    </div>
  );
}

/** What the host knows and the core must: where we are, the page's time range, panel kinds, visibility. */
function useTellCore({ startMs, endMs }: TimeRange): void {
  const stepMs = useHostStepMs(PANEL_WIDTH_PX);
  const kinds = useHostPanelKinds();

  useEffect(() => {
    startOrResume(hostEnv({ startMs, endMs }));
  }, [startMs, endMs]);
  useEffect(() => void dispatch({ type: 'setSuggestedStep', stepMs }), [stepMs]);
  useEffect(() => {
    if (kinds) dispatch({ type: 'setPanelKinds', kinds: [...kinds] });
  }, [kinds]);
  useEffect(() => {
    const tell = () => dispatch({ type: 'visibility', hidden: document.hidden });
    tell();
    document.addEventListener('visibilitychange', tell);
    return () => {
      document.removeEventListener('visibilitychange', tell);
      // Another Explore tab is shown: nobody looks, as with a hidden page.
      dispatch({ type: 'visibility', hidden: true });
    };
  }, []);
}
