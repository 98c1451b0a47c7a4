import { useQuery } from '@tanstack/react-query';
import { get } from './client';
import type { FieldView as Field, ResourceView as Resource } from './contract';

export type { ActionView as Action, FieldView as Field, ResourceView as Resource } from './contract';

/** Kinds of fields, as the platform declares them. */
export type Kind = Field['kind'];

/** A record as it comes over the wire. */
export type Row = Record<string, unknown> & { id: string; revision: number };

export const catalogueKey = ['resources'] as const;
export const catalogueQuery = { queryKey: catalogueKey, queryFn: () => get('/api/v1/resources'), staleTime: 60_000 };

export function useCatalogue() {
  return useQuery(catalogueQuery);
}

export function useResource(name: string): { resource: Resource | undefined; isLoading: boolean; error: unknown } {
  const all = useCatalogue();
  return { resource: all.data?.find((r) => r.name === name), isLoading: all.isLoading, error: all.error };
}

/** "unitPrice" as people read it: Unit price. */
export const spoken = (name: string): string => {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/[-_.]/g, ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export const labelOf = (field: Field): string => field.label ?? spoken(field.name);
/** The last part of a resource's name, as a heading. */
export const titleOf = (resource: Resource): string => spoken(resource.name.slice(resource.plugin.length + 1));

/** Fields by which a person tells records apart: those that are searched first, then the first texts. */
export function nameOf(resource: Resource, row: Row): string {
  const candidates = [...resource.search, ...resource.fields.filter((f) => f.kind === 'Text' || f.kind === 'Multiline').map((f) => f.name)];
  const found = candidates.map((name) => row[name]).find((value) => typeof value === 'string' && value.trim() !== '');
  return typeof found === 'string' ? found : `${spoken(resource.singular)} ${row.id.slice(-8)}`;
}
