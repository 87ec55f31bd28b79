import * as React from 'react';
import { useEffect, useState } from 'react';
import { copyText } from './clipboard';
import { Icon } from './Icon';

/** `name` says what is copied: "Copy answer". */
export function CopyButton({ name, text }: { name: string; text: string }): React.ReactElement {
  const [outcome, setOutcome] = useState<'copied' | 'failed'>();
  useEffect(() => {
    if (!outcome) return;
    const timer = setTimeout(() => setOutcome(undefined), 2000);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async () => setOutcome((await copyText(text)) ? 'copied' : 'failed');
  return (
    <button type="button" className="persai-button persai-button-quiet" aria-label={name} title={name} onClick={copy}>
      <Icon name={outcome === 'copied' ? 'check' : 'copy'} />
      <span aria-live="polite">
        {outcome === 'copied' ? 'Copied' : outcome === 'failed' ? 'Can’t copy here' : 'Copy'}
      </span>
    </button>
  );
}
