// The page: which providers stand around Explore, in the order in which Perses has them. Start here.

import './fetch-layers';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { createBrowserRouter, Navigate, RouterProvider } from 'react-router-dom';
import { Explore } from './Explore';
import { Layout } from './Layout';
import { SignIn } from './SignIn';

// A data router, as Perses' own: its parts may ask before a page is left.
const router = createBrowserRouter([
  {
    element: <Layout />,
    children: [
      { path: '/sign-in', element: <SignIn /> },
      { path: '/explore', element: <Explore /> },
      { path: '*', element: <Navigate to="/explore" replace /> },
    ],
  },
]);

const queryClient = new QueryClient({ defaultOptions: { queries: { retry: 0, refetchOnWindowFocus: false } } });

createRoot(document.getElementById('root') as HTMLElement).render(
  <QueryClientProvider client={queryClient}>
    <RouterProvider router={router} />
  </QueryClientProvider>,
);
