import { post } from './client';
import { csrf } from './http';

/** Whether this browser has passkeys. */
export const canUsePasskeys = (): boolean => 'PublicKeyCredential' in window && 'parseRequestOptionsFromJSON' in PublicKeyCredential;

/** What a device gave, as JSON. */
const sent = (credential: Credential): Record<string, unknown> => ({ ...(credential as PublicKeyCredential).toJSON() });

/** Signs in with a passkey of this device. */
export async function signInWithPasskey(): Promise<void> {
  const asked = await post('/api/v1/auth/passkeys/sign-in/options');
  const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.options as PublicKeyCredentialRequestOptionsJSON) });
  if (!credential) throw new Error('The device gave no passkey.');
  const grant = await post('/api/v1/auth/passkeys/sign-in', { body: { credential: sent(credential), state: asked.state, cookie: true } });
  csrf.set(grant.csrf_token);
}

/** Makes a passkey on this device for who is signed in. */
export async function registerPasskey(name: string): Promise<void> {
  const asked = await post('/api/v1/auth/passkeys/register/options');
  const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.options as PublicKeyCredentialCreationOptionsJSON) });
  if (!credential) throw new Error('The device gave no passkey.');
  await post('/api/v1/auth/passkeys/register', { body: { credential: sent(credential), state: asked.state, ...(name ? { name } : {}) } });
}
