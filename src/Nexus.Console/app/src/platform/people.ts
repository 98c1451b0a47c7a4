import { useQuery } from '@tanstack/react-query';
import { useCatalogue } from '../api/catalogue';
import { get } from '../api/client';
import { useMay } from '../api/session';
import { permissionsInQuestion } from '../shell/pages';

export type { CoreIdentityGroupView as Team, CoreIdentityRoleView as Role, CoreIdentityUserView as Account } from '../api/contract';

/** As many users as are looked through for a choice or for the members of a role. */
export const choiceLimit = 1000;

export function useRoles() {
  const may = useMay();
  return useQuery({ queryKey: ['people', 'roles'], queryFn: async () => (await get('/api/v1/roles')).items, enabled: may('platform.roles:read') });
}

export function useGroups() {
  const may = useMay();
  return useQuery({ queryKey: ['people', 'groups'], queryFn: async () => (await get('/api/v1/groups')).items, enabled: may('platform.groups:read') });
}

/** The first users by name, for a choice. */
export function useEverybody() {
  const may = useMay();
  return useQuery({ queryKey: ['people', 'users', 'everybody'], queryFn: () => get('/api/v1/users', { query: { limit: choiceLimit } }), enabled: may('platform.users:read') });
}

/** Permissions by name, to choose from: those of the platform, of every resource, and those that roles have. Others may be typed. */
export function usePermissionNames(): string[] {
  const catalogue = useCatalogue();
  const roles = useRoles();
  const ofResources = (catalogue.data ?? []).flatMap((r) => ['read', 'create', 'update', 'delete', ...r.actions.map((a) => a.name)].map((action) => `${r.name}:${action}`));
  return [...new Set([...ofResources, ...permissionsInQuestion, ...(roles.data ?? []).flatMap((r) => r.permissions)])].sort();
}
