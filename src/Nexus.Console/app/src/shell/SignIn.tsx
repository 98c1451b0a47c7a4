import { Alert, Button, Center, Divider, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { useState, type FormEvent, type ReactNode } from 'react';
import { get } from '../api/client';
import { Problem } from '../api/http';
import { canUsePasskeys, signInWithPasskey } from '../api/passkeys';
import { changePassword, signIn } from '../api/session';
import { useWords } from '../words';


/** Asks who it is: password, second factor, passkey, another site; and for a password of one's own when the first one was given. */
export function SignIn({ mustChange = false }: { mustChange?: boolean }): ReactNode {
  const words = useWords();
  const client = useQueryClient();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [next, setNext] = useState('');
  const [step, setStep] = useState<'password' | 'code' | 'change'>(mustChange ? 'change' : 'password');
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const providers = useQuery({ queryKey: ['providers'], queryFn: () => get('/api/v1/auth/oauth'), retry: false, staleTime: Infinity });

  const enter = (): Promise<void> => client.resetQueries();
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setIsBusy(true);
    setError(null);
    try {
      await work();
    } catch (problem) {
      if (problem instanceof Problem && problem.code === 'TWO_FACTOR_REQUIRED') setStep('code');
      else setError(problem instanceof Error ? problem : new Error(String(problem)));
    } finally {
      setIsBusy(false);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void attempt(async () => {
      if (step === 'change') {
        await changePassword(password, next);
        await enter();
        return;
      }
      const grant = await signIn(username, password, step === 'code' ? code : undefined);
      if (grant.must_change_password) setStep('change');
      else await enter();
    });
  };
  const field = (pointer: string): string => (error instanceof Problem ? error.errors.filter((e) => e.pointer === pointer).map((e) => e.detail).join(' ') : '');

  return (
    <Center mih="100dvh" p="md" component="main">
      <Paper withBorder shadow="sm" p="xl" w="100%" maw={400}>
        <form onSubmit={submit}>
          <Stack>
            <div>
              <Text className="brand" c="dimmed" size="sm">Nexus</Text>
              <Title order={1}>{step === 'change' ? words.mustChange : words.signIn}</Title>
              {step !== 'password' && <Text size="sm" c="dimmed">{step === 'change' ? words.mustChangeHint : words.codeNeeded}</Text>}
            </div>
            {error && !field('/new_password') && <Alert color="red" variant="light" role="alert">{error.message}</Alert>}
            {step === 'password' && <TextInput label={words.userName} name="username" autoComplete="username webauthn" required autoFocus value={username} onChange={(e) => setUsername(e.currentTarget.value)} />}
            {(step === 'password' || (step === 'change' && mustChange)) && <PasswordInput label={step === 'change' ? words.currentPassword : words.password} name="password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.currentTarget.value)} />}
            {step !== 'password' && <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />}
            {step === 'code' && <TextInput label={words.code} name="code" autoComplete="one-time-code" required autoFocus value={code} onChange={(e) => setCode(e.currentTarget.value)} />}
            {step === 'change' && <PasswordInput label={words.newPassword} name="new-password" autoComplete="new-password" required autoFocus value={next} error={field('/new_password')} aria-invalid={field('/new_password') !== ''} onChange={(e) => setNext(e.currentTarget.value)} />}
            <Button type="submit" loading={isBusy}>{step === 'change' ? words.save : words.signIn}</Button>
            {step === 'password' && (canUsePasskeys() || (providers.data?.items?.length ?? 0) > 0) && <Divider />}
            {step === 'password' && canUsePasskeys() && <Button variant="default" leftSection={<KeyRound size={16} />} onClick={() => void attempt(async () => { await signInWithPasskey(); await enter(); })}>{words.passkey}</Button>}
            {step === 'password' && providers.data?.items?.map((p) => <Button key={p.name} variant="default" component="a" href={`${p.start}${p.start.includes('?') ? '&' : '?'}return_to=/console/`}>{words.signInWith(p.name)}</Button>)}
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
