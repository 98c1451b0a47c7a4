import { useQuery } from '@tanstack/react-query';
import { useCatalogue } from '../api/catalogue';
import { get } from '../api/http';
import { useMay, type User } from '../api/session';
import { permissionsInQuestion } from '../shell/pages';

/** A list of the identity plugin. */
export interface List<T> { items: T[]; nextCursor?: string; total?: number }

/** An account as administrators see it. */
export interface Account extends User { groups: string[]; emailVerified: boolean; status?: string; createdAt?: string; updatedAt?: string; lockedUntil?: string }

export interface Role { name: string; description?: string; permissions: string[]; inherits: string[]; builtIn: boolean; users: number }

export interface Team { name: string; description?: string; roles: string[]; members: { id: string; username: string; displayName: string }[] }

/** As many users as are looked through for a choice or for the members of a role. */
export const choiceLimit = 1000;

export function useRoles() {
  const may = useMay();
  return useQuery({ queryKey: ['people', 'roles'], queryFn: async () => (await get<List<Role>>('/api/v1/roles')).items, enabled: may('platform.roles:read') });
}

export function useGroups() {
  const may = useMay();
  return useQuery({ queryKey: ['people', 'groups'], queryFn: async () => (await get<List<Team>>('/api/v1/groups')).items, enabled: may('platform.groups:read') });
}

/** The first users by name, for a choice. */
export function useEverybody() {
  const may = useMay();
  return useQuery({ queryKey: ['people', 'users', 'everybody'], queryFn: () => get<List<Account>>(`/api/v1/users?limit=${choiceLimit}`), enabled: may('platform.users:read') });
}

/** Permissions by name, to choose from: those of the platform, of every resource, and those that roles have. Others may be typed. */
export function usePermissionNames(): string[] {
  const catalogue = useCatalogue();
  const roles = useRoles();
  const ofResources = (catalogue.data ?? []).flatMap((r) => ['read', 'create', 'update', 'delete', ...r.actions.map((a) => a.name)].map((action) => `${r.name}:${action}`));
  return [...new Set([...ofResources, ...permissionsInQuestion, ...(roles.data ?? []).flatMap((r) => r.permissions)])].sort();
}
