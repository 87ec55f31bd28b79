// Perses' native sign-in: name and password, then back to where `rd` says.

import { Alert, Button, Stack, TextField, Typography } from '@mui/material';
import { type FormEvent, type ReactElement, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router-dom';
import { signIn } from './api';

export function SignIn(): ReactElement {
  const navigate = useNavigate();
  const [parameters] = useSearchParams();
  const [failure, setFailure] = useState<string>();

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    try {
      await signIn(String(form.get('login')), String(form.get('password')));
      const back = parameters.get('rd') ?? '/explore';
      // Only a path of this page, never another origin.
      navigate(/^\/(?![/\\])/.test(back) ? back : '/explore', { replace: true });
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };

  return (
    <Stack component="form" onSubmit={submit} gap={2} sx={{ width: 340, margin: '12vh auto 0', px: 2 }}>
      <Typography variant="h1">Sign in</Typography>
      <TextField name="login" label="Username" autoComplete="username" autoFocus required />
      <TextField name="password" label="Password" type="password" autoComplete="current-password" required />
      {failure && <Alert severity="error">{failure}</Alert>}
      <Button type="submit" variant="contained">
        Sign in
      </Button>
    </Stack>
  );
}
