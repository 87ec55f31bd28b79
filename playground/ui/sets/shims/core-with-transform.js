// The Table plugin 0.8.1 (made for Perses 0.52) asks the host's core for `useTransformData`, which later versions lack.
// `perses-core-real` is an alias for the core package itself.
import { transformData } from 'perses-core-real';
import { useMemo } from 'react';

export * from 'perses-core-real';

export function useTransformData(data, transforms) {
  return useMemo(() => transformData(data, transforms), [data, transforms]);
}
