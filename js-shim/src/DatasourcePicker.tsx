// Which datasources a question is about: a button that names the chosen ones, and a list to change them.

import * as React from 'react';
import { useEffect, useRef, useState } from 'react';
import { dispatch } from './core';
import type { DatasourceOption } from './generated/view';
import { Icon } from './Icon';

export function DatasourcePicker({ options }: { options: DatasourceOption[] }): React.ReactElement {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open) return;
    const onPointer = (event: PointerEvent) => {
      if (event.target instanceof Element && !root.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener('pointerdown', onPointer);
    return () => document.removeEventListener('pointerdown', onPointer);
  }, [open]);

  const chosen = options.filter((option) => option.selected);
  const toggle = (option: DatasourceOption) => {
    const next = options.filter((other) => (other === option ? !other.selected : other.selected));
    dispatch({ type: 'selectDatasources', names: next.map((other) => other.selector) });
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key !== 'Escape' || !open) return;
    event.stopPropagation();
    setOpen(false);
    button.current?.focus();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: only Escape is taken, for the list inside
    <div className="persai-picker" ref={root} onKeyDown={onKeyDown}>
      <button
        type="button"
        ref={button}
        className="persai-button"
        aria-expanded={open}
        aria-label={`Datasources: ${chosen.map((option) => option.title).join(', ') || 'none'}`}
        onClick={() => setOpen(!open)}
      >
        <Icon name="data" />
        <span className="persai-picker-names">
          {chosen.map((option) => option.title).join(', ') || 'Choose a datasource'}
        </span>
        <Icon name="chevron" />
      </button>
      {open && (
        <div className="persai-picker-list" role="group" aria-label="Datasources">
          {options.length === 0 && <p className="persai-quiet">This Perses has no datasource that you can see.</p>}
          {options.map((option) => (
            <label key={optionKey(option)} data-disabled={option.disabledReason !== undefined || undefined}>
              <input
                type="checkbox"
                checked={option.selected}
                disabled={option.disabledReason !== undefined}
                onChange={() => toggle(option)}
              />
              <span>
                {option.title}
                <small>{option.disabledReason ?? option.selector.kind}</small>
              </span>
            </label>
          ))}
        </div>
      )}
    </div>
  );
}

function optionKey({ selector }: DatasourceOption): string {
  return `${selector.project ?? ''}/${selector.kind}/${selector.name}`;
}
