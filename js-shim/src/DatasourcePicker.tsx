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

  const [selection, select] = useSelection(options);
  const chosen = options.filter((option) => selection.has(optionKey(option)));
  const toggle = (option: DatasourceOption) => {
    const next = new Set(selection);
    if (!next.delete(optionKey(option))) next.add(optionKey(option));
    select(next);
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
                checked={selection.has(optionKey(option))}
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

/** How long a choice is shown without the core's word. */
const UNCONFIRMED_MS = 500;

/** What is chosen: as clicked, until the core, which answers a frame later, has said what holds. */
function useSelection(options: DatasourceOption[]): [ReadonlySet<string>, (next: ReadonlySet<string>) => void] {
  const [clicked, setClicked] = useState<ReadonlySet<string>>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: new options are the core's word
  useEffect(() => setClicked(undefined), [options]);
  useEffect(() => {
    if (!clicked) return;
    const timer = setTimeout(() => setClicked(undefined), UNCONFIRMED_MS);
    return () => clearTimeout(timer);
  }, [clicked]);
  const select = (next: ReadonlySet<string>) => {
    setClicked(next);
    const names = options.filter((option) => next.has(optionKey(option))).map((option) => option.selector);
    dispatch({ type: 'selectDatasources', names });
  };
  return [clicked ?? new Set(options.filter((option) => option.selected).map(optionKey)), select];
}

function optionKey({ selector }: DatasourceOption): string {
  return `${selector.project ?? ''}/${selector.kind}/${selector.name}`;
}
