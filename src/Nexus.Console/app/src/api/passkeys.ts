import { csrf, post } from './http';

/** Whether this browser has passkeys. */
export const canUsePasskeys = (): boolean => 'PublicKeyCredential' in window && 'parseRequestOptionsFromJSON' in PublicKeyCredential;

interface Asked { state: string; options: PublicKeyCredentialRequestOptionsJSON }

/** Signs in with a passkey of this device. */
export async function signInWithPasskey(): Promise<void> {
  const asked = await post<Asked>('/api/v1/auth/passkeys/sign-in/options', {});
  const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.options) });
  if (!credential) throw new Error('The device gave no passkey.');
  const grant = await post<{ csrf_token?: string }>('/api/v1/auth/passkeys/sign-in', { credential: (credential as PublicKeyCredential).toJSON(), state: asked.state, cookie: true });
  csrf.set(grant.csrf_token);
}

/** Makes a passkey on this device for who is signed in. */
export async function registerPasskey(name: string): Promise<void> {
  const asked = await post<{ state: string; options: PublicKeyCredentialCreationOptionsJSON }>('/api/v1/auth/passkeys/register/options', {});
  const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.options) });
  if (!credential) throw new Error('The device gave no passkey.');
  await post('/api/v1/auth/passkeys/register', { credential: (credential as PublicKeyCredential).toJSON(), state: asked.state, ...(name ? { name } : {}) });
}
