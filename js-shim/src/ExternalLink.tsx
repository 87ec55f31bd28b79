// A link that leaves this origin: shows the real host, and asks before it leaves. A button, so that no middle click or
// prefetch goes round the question.

import * as React from 'react';
import { useRef } from 'react';
import { Icon } from './Icon';

interface Props {
  href: string;
  host: string;
  children: React.ReactNode;
}

export function ExternalLink({ href, host, children }: Props): React.ReactElement {
  const dialog = useRef<HTMLDialogElement>(null);
  const close = () => dialog.current?.close();
  return (
    <>
      <button type="button" className="persai-link" aria-haspopup="dialog" onClick={() => dialog.current?.showModal()}>
        {children} <span className="persai-link-host">({host})</span>
        <Icon name="out" />
      </button>
      {/* Escape closes the dialog and does nothing else. */}
      <dialog
        ref={dialog}
        className="persai-dialog"
        aria-label="Leave this page?"
        onKeyDown={(event) => event.stopPropagation()}
      >
        <strong>Leave this page?</strong>
        <span>The link was written by the assistant. It leads to {host}:</span>
        <code>{href}</code>
        <span className="persai-row">
          <a
            className="persai-button persai-button-main"
            href={href}
            target="_blank"
            rel="noopener noreferrer"
            onClick={close}
          >
            Open {host}
          </a>
          <button type="button" className="persai-button" onClick={close}>
            Stay here
          </button>
        </span>
      </dialog>
    </>
  );
}
