import { useQuery } from '@tanstack/react-query';
import { get, post } from './client';
import type { CoreConsoleView as View, CoreIdentityTokenView as Grant } from './contract';
import { csrf, endSession, network, Problem } from './http';
import { permissionsInQuestion } from '../shell/pages';

export type { CoreConsoleView as View, CoreIdentityUserView as User } from './contract';

export const viewKey = ['view'] as const;

export const viewQuery = {
  queryKey: viewKey,
  queryFn: async () => {
    const view = await get('/api/v1/ui', { query: { may: permissionsInQuestion.join(',') } });
    if (isIn(view)) belongTo(view.caller.id);
    return view;
  },
  staleTime: 30_000,
};

const personKey = 'nexus.person';

/** What somebody typed outlives their session, and is there when they have signed in again; nobody else finds it. */
function belongTo(person: string | null): void {
  const before = sessionStorage.getItem(personKey);
  if (person === null || (before !== null && before !== person)) Object.keys(sessionStorage).filter((key) => key.startsWith('nexus.draft.')).forEach((key) => sessionStorage.removeItem(key));
  if (person === null) sessionStorage.removeItem(personKey);
  else sessionStorage.setItem(personKey, person);
}

export const userQuery = { queryKey: ['me'], queryFn: () => get('/api/v1/auth/me'), staleTime: 60_000 };

/** Whether this caller has signed in, or need not. */
export const isIn = (view: View): boolean => !(view.signIn && view.anonymous);

/** What this caller may see; undefined while it is not known. */
export function useView() {
  return useQuery(viewQuery);
}

/** Whether the caller has a permission, on whichever records. */
export function useMay(): (permission: string) => boolean {
  const view = useView();
  return (permission) => permission in (view.data?.allowed ?? {});
}

export function useUser() {
  const view = useView();
  return useQuery({ ...userQuery, enabled: view.data?.signIn === true && !view.data.anonymous });
}

/** Signs in; the answer says whether a second factor is asked for, or the password must be changed. */
export async function signIn(username: string, password: string, code?: string): Promise<Grant> {
  await forget();
  const grant = await post('/api/v1/auth/login', { body: { username, password, cookie: true, rememberMe: true, ...(code ? { code } : {}) } });
  csrf.set(grant.csrf_token);
  return grant;
}

export async function signOut(): Promise<void> {
  try {
    await endSession(() => post('/api/v1/auth/logout', { isLast: true }));
  } catch (error) {
    if (!(error instanceof Problem) || !error.isSignedOut) throw error;
  } finally {
    csrf.set(null);
    belongTo(null);
    await forget();
  }
}

export async function changePassword(currentPassword: string, newPassword: string): Promise<void> {
  await post('/api/v1/auth/password/change', { body: { currentPassword, newPassword } });
}

/** What was kept for pages without a server belongs to the one who read it. */
export async function forget(): Promise<void> {
  navigator.serviceWorker?.controller?.postMessage('forget');
  if ('caches' in window) await Promise.all(['console-answers', 'console-pictures'].map((name) => caches.delete(name).catch(() => false)));
  network.tell(true);
}
