// A native panel of the host, pinned to the window and step that the assistant read. Its height is reserved from the
// start, and it is mounted only when it comes near the screen, so that many panels stay fluid.

import { Panel } from '@perses-dev/dashboards';
import { DataQueriesProvider, TimeRangeProvider } from '@perses-dev/plugin-system';
import * as React from 'react';
import { memo, useEffect, useMemo, useRef, useState } from 'react';
import { dispatch } from './core';
import { ErrorBoundary } from './ErrorBoundary';
import type { PanelView } from './generated/view';
import { queryDefinitions } from './host';

interface Props {
  toolCallId: string;
  panel: PanelView;
}

export function PanelFigure({ toolCallId, panel }: Props): React.ReactElement {
  const { ref, near } = useNear();
  const kinds = [panel.kind, ...panel.alternatives.filter((kind) => kind !== panel.kind)];
  return (
    <figure className="persai-figure" aria-label={panel.title} ref={ref}>
      <figcaption className="persai-figure-bar">
        <span className="persai-figure-title">{panel.title}</span>
        {kinds.length > 1 && (
          <select
            className="persai-select"
            aria-label="Panel kind"
            value={panel.kind}
            onChange={(event) => dispatch({ type: 'choosePanelKind', toolCallId, kind: event.target.value })}
          >
            {kinds.map((kind) => (
              <option key={kind} value={kind}>
                {kindTitle(kind)}
              </option>
            ))}
          </select>
        )}
      </figcaption>
      <div className="persai-figure-panel" style={{ height: panel.heightPx }}>
        {near && (
          <ErrorBoundary
            place={`the panel ${panel.title}`}
            resetKey={panel.kind}
            fallback={(error, reset) => <PanelTrouble kind={panel.kind} error={error} onRetry={reset} />}
          >
            <NativePanel
              json={JSON.stringify(panel.definition)}
              {...panel.timeRange}
              stepMs={panel.stepMs}
              mode={panel.mode}
            />
          </ErrorBoundary>
        )}
      </div>
      <div className="persai-figure-foot">{panel.footer}</div>
    </figure>
  );
}

interface NativeProps {
  /** The definition as text: an equal one must not query again. */
  json: string;
  startMs: number;
  endMs: number;
  stepMs: number;
  mode: string;
}

const NativePanel = memo(function NativePanel({ json, startMs, endMs, stepMs, mode }: NativeProps): React.ReactElement {
  const definition = useMemo(() => JSON.parse(json) as unknown, [json]);
  const definitions = useMemo(() => queryDefinitions(definition), [definition]);
  const options = useMemo(() => ({ suggestedStepMs: stepMs, mode }), [stepMs, mode]);
  const timeRange = useMemo(() => ({ start: new Date(startMs), end: new Date(endMs) }), [startMs, endMs]);
  return (
    <TimeRangeProvider
      // The provider keeps its range in a state: another range needs another provider.
      key={`${startMs}-${endMs}`}
      timeRange={timeRange}
      refreshInterval="0s"
      setTimeRange={ignore}
      setRefreshInterval={ignore}
    >
      <DataQueriesProvider definitions={definitions} options={options}>
        <Panel definition={definition} panelOptions={HIDE_HEADER} />
      </DataQueriesProvider>
    </TimeRangeProvider>
  );
});

const HIDE_HEADER = { hideHeader: true };

/** A pinned panel does not follow the page. */
function ignore(): void {}

function PanelTrouble({
  kind,
  error,
  onRetry,
}: {
  kind: string;
  error: Error;
  onRetry: () => void;
}): React.ReactElement {
  return (
    <div className="persai-trouble" role="alert">
      <p className="persai-trouble-what">This {kindTitle(kind)} can’t be drawn.</p>
      <p>{error.message}</p>
      <p className="persai-row">
        <button type="button" className="persai-button" onClick={onRetry}>
          Draw again
        </button>
      </p>
    </div>
  );
}

/** `TimeSeriesChart` → "Time series chart". */
function kindTitle(kind: string): string {
  const words = kind.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Whether the element is, or ever was, near the visible part of its scrolling box. */
function useNear(): { ref: React.RefObject<HTMLElement>; near: boolean } {
  const ref = useRef<HTMLElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element || near) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setNear(true);
      },
      { rootMargin: '600px 0px' },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [near]);
  return { ref, near };
}
