import { useQuery } from '@tanstack/react-query';
import { csrf, get, network, post, Problem, send } from './http';
import type { PageEntry } from '../contributed/say';
import { permissionsInQuestion } from '../shell/pages';

/** What the console shows this caller. */
export interface View {
  version: number;
  signIn: boolean;
  anonymous: boolean;
  caller: { id: string; name: string; tenant: string };
  plugins: string[];
  allowed: Record<string, string>;
  /** Pages of plugins, in the order of the menu. */
  pages: PageEntry[];
  theme: { colour: string; scheme: 'auto' | 'light' | 'dark' };
}

export interface User { id: string; username: string; email?: string; displayName: string; roles: string[]; effectiveRoles: string[]; mustChangePassword: boolean; preferences?: Record<string, unknown> }

/** What a sign-in answers. */
interface Grant { csrf_token?: string; must_change_password?: boolean; user: User }

export const viewKey = ['view'] as const;

export const viewQuery = { queryKey: viewKey, queryFn: () => get<View>(`/api/v1/ui?may=${permissionsInQuestion.join(',')}`), staleTime: 30_000 };

export const userQuery = { queryKey: ['me'], queryFn: () => get<User>('/api/v1/auth/me'), staleTime: 60_000 };

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
  const grant = await post<Grant>('/api/v1/auth/login', { username, password, cookie: true, rememberMe: true, ...(code ? { code } : {}) });
  csrf.set(grant.csrf_token);
  return grant;
}

export async function signOut(): Promise<void> {
  try {
    await send('POST', '/api/v1/auth/logout', { body: {} });
  } catch (error) {
    if (!(error instanceof Problem) || !error.isSignedOut) throw error;
  } finally {
    csrf.set(null);
    await forget();
  }
}

export async function changePassword(currentPassword: string, newPassword: string): Promise<void> {
  await post('/api/v1/auth/password/change', { currentPassword, newPassword });
}

/** What was kept for pages without a server belongs to the one who read it. */
export async function forget(): Promise<void> {
  navigator.serviceWorker?.controller?.postMessage('forget');
  if ('caches' in window) await Promise.all(['console-answers', 'console-pictures'].map((name) => caches.delete(name).catch(() => false)));
  network.tell(true);
}
