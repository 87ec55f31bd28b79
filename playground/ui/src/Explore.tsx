import { ViewExplore } from '@perses-dev/explore';
import type { ReactElement } from 'react';
import { datasourceApi } from './api';
import { Guarded } from './Guarded';

/** Perses' Explore page: tabs of the Explore plugins, time picker, state in the address. */
export function Explore(): ReactElement {
  return (
    <Guarded>
      <ViewExplore datasourceApi={datasourceApi} exploreTitleComponent="Explore" />
    </Guarded>
  );
}
