// Something is wrong: what, why, what to do, in that order, in the place where it happened.

import * as React from 'react';
import { useEffect, useState } from 'react';
import type { TroubleView } from './generated/view';

interface Props {
  trouble: TroubleView;
  onRetry: () => void;
  retryLabel?: string;
  /** Set where signing in again is what helps. */
  signInHref?: string;
  /** Read out at once; inside the conversation, which is read out anyway, it is not. */
  announce?: boolean;
}

export function Trouble({ trouble, onRetry, retryLabel = 'Retry', signInHref, announce }: Props): React.ReactElement {
  const left = useCountdown(trouble);
  return (
    <div className="persai-trouble" role={announce ? 'alert' : undefined}>
      <p className="persai-trouble-what">{trouble.what}</p>
      {trouble.why && <p>{trouble.why}</p>}
      {trouble.todo && <p>{trouble.todo}</p>}
      {(trouble.canRetry || signInHref || left !== undefined) && (
        <p className="persai-row">
          {signInHref && (
            <a className="persai-button persai-button-main" href={signInHref}>
              Sign in
            </a>
          )}
          {trouble.canRetry && (
            <button type="button" className="persai-button" onClick={onRetry}>
              {retryLabel}
            </button>
          )}
          {left !== undefined && (
            <span className="persai-quiet" aria-hidden="true">
              {left > 0 ? `Retrying in ${left} s` : 'Retrying'}
            </span>
          )}
        </p>
      )}
    </div>
  );
}

/** Seconds left, counted from when this trouble was shown; undefined where nothing is retried by itself. */
function useCountdown(trouble: TroubleView): number | undefined {
  const [left, setLeft] = useState(trouble.retryInSecs);
  useEffect(() => {
    setLeft(trouble.retryInSecs);
    if (trouble.retryInSecs === undefined) return;
    const timer = setInterval(() => setLeft((seconds) => Math.max(0, (seconds ?? 0) - 1)), 1000);
    return () => clearInterval(timer);
  }, [trouble]);
  return left;
}
