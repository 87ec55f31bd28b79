// What Perses loads. It calls `PersAIExplorer()` as a plain function inside its own component and would take the whole
// Explore page away on an error: so this one only returns an element, and an error boundary stands around everything.

import * as React from 'react';
import { Assistant } from './Assistant';
import { loadCore, readAnew, retryLoad } from './core';
import { ErrorBoundary } from './ErrorBoundary';
import { useHostColours } from './host';
import { STYLES } from './styles';
import { Trouble } from './Trouble';
import { useFillHeight } from './use-fill-height';
import { useCoreState } from './use-view';

void loadCore();

export function PersAIExplorer(): React.ReactElement {
  return (
    <ErrorBoundary place="the frame" fallback={broken}>
      <Frame />
    </ErrorBoundary>
  );
}

/** Our area of the page, in the host's colours; inside it the assistant once the core is there. */
function Frame(): React.ReactElement {
  const root = React.useRef<HTMLDivElement>(null);
  const height = useFillHeight(root);
  const { dark, variables } = useHostColours();
  return (
    <div
      className="persai"
      data-persai=""
      ref={root}
      data-dark={dark || undefined}
      style={{ ...variables, height, colorScheme: dark ? 'dark' : 'light' } as React.CSSProperties}
    >
      <style>{STYLES}</style>
      <ErrorBoundary place="the view" fallback={broken}>
        <Content />
      </ErrorBoundary>
    </div>
  );
}

function Content(): React.ReactElement {
  const core = useCoreState();
  if (core.kind === 'ready') return <Assistant />;
  if (core.kind === 'loading') return <p className="persai-starting">Starting PersAI</p>;
  return (
    <div className="persai-starting">
      <Trouble
        trouble={core.trouble}
        announce
        onRetry={retryLoad}
        retryLabel={core.trouble.code === 'coreStopped' ? 'Reload the page' : 'Retry'}
      />
    </div>
  );
}

function broken(error: Error, reset: () => void): React.ReactElement {
  return (
    <Trouble
      trouble={{
        code: 'viewFailed',
        what: 'PersAI could not draw its view.',
        why: error.message,
        todo: 'Try again. The conversation is kept by the relay.',
        canRetry: true,
      }}
      announce
      onRetry={() => {
        readAnew();
        reset();
      }}
    />
  );
}
