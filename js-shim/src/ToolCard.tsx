// One tool call: a line when closed (state, what it is about, duration, verdict), with its panel below; open, also what
// was asked and what the assistant was told.

import * as React from 'react';
import { memo, useEffect, useId, useState } from 'react';
import { CopyButton } from './CopyButton';
import { dispatch } from './core';
import type { ToolView } from './generated/view';
import { Icon } from './Icon';
import { PanelFigure } from './PanelFigure';
import { useTool } from './use-view';

const STATE_WORDS = { running: 'Running', done: 'Done', failed: 'Failed', stopped: 'Stopped' } as const;
const STATE_ICONS = { done: 'check', failed: 'cross', stopped: 'pause' } as const;

export const ToolCard = memo(function ToolCard({ toolCallId }: { toolCallId: string }): React.ReactElement | null {
  const tool = useTool(toolCallId);
  const detailsId = useId();
  if (!tool) return null;
  return (
    <div className="persai-tool" role="group" aria-label={tool.name} data-state={tool.state}>
      <button
        type="button"
        className="persai-tool-line"
        aria-expanded={tool.open}
        aria-controls={detailsId}
        onClick={() => dispatch({ type: 'toggleTool', toolCallId })}
      >
        <span className="persai-tool-state" title={STATE_WORDS[tool.state]}>
          {tool.state === 'running' ? <span className="persai-spinner" /> : <Icon name={STATE_ICONS[tool.state]} />}
          <span className="persai-hidden">{STATE_WORDS[tool.state]}</span>
        </span>
        <span className="persai-tool-name">{tool.name}</span>
        <span className="persai-tool-title">{tool.title}</span>
        {tool.verdict && tool.verdict !== 'allowed' && <span className="persai-badge">{tool.verdict}</span>}
        <Duration tool={tool} />
        <span className="persai-tool-chevron" data-open={tool.open}>
          <Icon name="chevron" />
        </span>
      </button>
      {tool.summary && <p className="persai-tool-summary">{tool.summary}</p>}
      {tool.warnings.map((warning) => (
        <p key={warning} className="persai-tool-warning">
          {warning}
        </p>
      ))}
      <div id={detailsId} hidden={!tool.open} className="persai-tool-details">
        {tool.open && (
          <>
            <Detail title="Query" text={tool.query} />
            <Detail title="Arguments" text={tool.arguments} />
            <Detail title="What the assistant was told" text={tool.digest} />
          </>
        )}
      </div>
      {tool.panel && <PanelFigure toolCallId={toolCallId} panel={tool.panel} />}
    </div>
  );
});

function Detail({ title, text }: { title: string; text: string | undefined }): React.ReactElement | null {
  if (!text) return null;
  return (
    <div className="persai-code">
      <div className="persai-code-bar">
        <span>{title}</span>
        <CopyButton name={`Copy ${title.toLowerCase()}`} text={text} />
      </div>
      <pre tabIndex={0}>{text}</pre>
    </div>
  );
}

/** The call's duration; a running clock until it is known. */
function Duration({ tool }: { tool: ToolView }): React.ReactElement | null {
  const running = tool.state === 'running';
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 200);
    return () => clearInterval(timer);
  }, [running]);
  const ms = tool.durationMs ?? (running ? Math.max(0, now - tool.startedAtMs) : undefined);
  if (ms === undefined) return null;
  return <span className="persai-tool-time">{ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`}</span>;
}
