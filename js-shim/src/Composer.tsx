// Where questions are written. Enter sends, Shift+Enter breaks the line, ↑ in an empty box recalls the last question.

import * as React from 'react';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { dispatch } from './core';
import type { AppView } from './generated/view';
import { Icon } from './Icon';
import { useCoreState } from './use-view';

// Kept while Explore shows another tab.
let draft = '';
let lastQuestion = '';

interface Props {
  app: AppView;
  /** False where the question was not taken; the draft then stays. */
  onAsk: (text: string) => boolean;
}

export function Composer({ app, onAsk }: Props): React.ReactElement {
  const [text, setText] = useState(draft);
  const box = useRef<HTMLTextAreaElement>(null);
  const core = useCoreState();
  const write = (next: string) => {
    draft = next;
    setText(next);
  };

  useEffect(() => box.current?.focus({ preventScroll: true }), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is the trigger
  useLayoutEffect(() => {
    // Grows with its text; the stylesheet caps it.
    const element = box.current;
    if (!element) return;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [text]);

  const canAsk = app.canSend && !app.running && text.trim() !== '';
  const ask = () => {
    if (!canAsk || !onAsk(text)) return;
    lastQuestion = text;
    write('');
    box.current?.focus({ preventScroll: true });
  };
  const onKeyDown = (event: React.KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      ask();
    } else if (event.key === 'ArrowUp' && text === '' && lastQuestion !== '') {
      event.preventDefault();
      write(lastQuestion);
    }
  };
  // The second click of a double click on Send must not stop what it started.
  const onButton = (event: React.MouseEvent) => {
    if (event.detail > 1) return;
    if (app.running) dispatch({ type: 'stop' });
    else ask();
  };

  return (
    <form className="persai-composer" onSubmit={(event) => event.preventDefault()}>
      {core.kind === 'ready' && core.refused && (
        <p className="persai-column persai-refused" role="alert">
          {core.refused}
        </p>
      )}
      <div className="persai-column persai-composer-box">
        <textarea
          ref={box}
          rows={1}
          aria-label="Ask about your data"
          placeholder="Ask about your data"
          value={text}
          spellCheck
          onChange={(event) => write(event.target.value)}
          onKeyDown={onKeyDown}
        />
        {app.models.length > 1 && (
          <select
            className="persai-select"
            aria-label="Model"
            value={app.selectedModel}
            onChange={(event) => dispatch({ type: 'selectModel', id: event.target.value })}
          >
            {app.models.map((model) => (
              <option key={model.id} value={model.id}>
                {model.title}
              </option>
            ))}
          </select>
        )}
        <button
          type="button"
          className="persai-button persai-button-main persai-send"
          aria-label={app.running ? 'Stop' : 'Send'}
          title={app.running ? 'Stop (Esc)' : 'Send (Enter)'}
          disabled={!app.running && !canAsk}
          onClick={onButton}
        >
          <Icon name={app.running ? 'stop' : 'send'} filled={app.running} />
        </button>
      </div>
      <p className="persai-column persai-privacy">
        {app.privacyLine}
        {app.historyLine && <> {app.historyLine}</>}
      </p>
    </form>
  );
}
