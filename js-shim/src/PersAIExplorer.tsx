// What Perses loads. It calls `PersAIExplorer()` as a plain function inside its own component and would take the whole
// Explore page away on an error: so this one only returns an element, and an error boundary stands around everything.

import * as React from 'react';
import { Assistant } from './Assistant';
import { loadCore, retryLoad } from './core';
import { ErrorBoundary } from './ErrorBoundary';
import { useHostColours } from './host';
import { STYLES } from './styles';
import { Trouble } from './Trouble';
import { useFillHeight } from './use-fill-height';
import { useCoreState } from './use-view';

void loadCore();

export function PersAIExplorer(): React.ReactElement {
  return (
    <ErrorBoundary
      place="the view"
      fallback={(error, reset) => (
        <Trouble
          trouble={{
            code: 'viewFailed',
            what: 'PersAI could not draw its view.',
            why: error.message,
            todo: 'Try again. The conversation is kept by the relay.',
            canRetry: true,
          }}
          announce
          onRetry={reset}
        />
      )}
    >
      <Frame />
    </ErrorBoundary>
  );
}

/** Our area of the page, in the host's colours; inside it the assistant once the core is there. */
function Frame(): React.ReactElement {
  const root = React.useRef<HTMLDivElement>(null);
  const height = useFillHeight(root);
  const { dark, variables } = useHostColours();
  const core = useCoreState();
  return (
    <div
      className="persai"
      data-persai=""
      ref={root}
      data-dark={dark || undefined}
      style={{ ...variables, height, colorScheme: dark ? 'dark' : 'light' } as React.CSSProperties}
    >
      <style>{STYLES}</style>
      {core.kind === 'loading' && <p className="persai-starting">Starting PersAI</p>}
      {core.kind === 'failed' && (
        <div className="persai-starting">
          <Trouble
            trouble={core.trouble}
            announce
            onRetry={retryLoad}
            retryLabel={core.trouble.code === 'coreStopped' ? 'Reload the page' : 'Retry'}
          />
        </div>
      )}
      {core.kind === 'ready' && <Assistant />}
    </div>
  );
}
