// What only a signed-in user sees, where this Perses has authentication.

import { Alert } from '@mui/material';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement, ReactNode } from 'react';
import { Navigate, useLocation } from 'react-router-dom';
import { isSignedIn, needsSignIn } from './api';

export function Guarded({ children }: { children: ReactNode }): ReactElement {
  const location = useLocation();
  const config = useQuery(['playground', 'config'], needsSignIn);
  if (config.isError) return <Alert severity="error">The server does not answer: {String(config.error)}</Alert>;
  if (config.data === undefined) return <></>;
  if (config.data && !isSignedIn()) {
    // As Perses does, the part after # is lost here.
    return <Navigate to={`/sign-in?rd=${encodeURIComponent(location.pathname + location.search)}`} replace />;
  }
  return <>{children}</>;
}
