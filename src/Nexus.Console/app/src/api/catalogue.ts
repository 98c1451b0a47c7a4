import { useQuery } from '@tanstack/react-query';
import { get } from './http';

/** Kinds of fields, as the platform declares them. */
export type Kind = 'Text' | 'Multiline' | 'Integer' | 'Decimal' | 'Real' | 'Boolean' | 'Date' | 'Time' | 'Instant' | 'Duration' | 'Choice' | 'Identifier' | 'Reference' | 'Money' | 'List' | 'Group' | 'Map' | 'Json';

export interface Field {
  name: string;
  kind: Kind;
  required?: boolean;
  nullable?: boolean;
  readOnly?: boolean;
  secret?: boolean;
  personal?: boolean;
  label?: string;
  description?: string;
  unit?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  choices?: string[];
  target?: string;
  element?: Field;
  fields?: Field[];
  default?: unknown;
}

export interface Action { name: string; description: string | null; fields: Field[] }

/** A resource as this caller may use it: everything that its pages are drawn from. */
export interface Resource {
  name: string;
  plugin: string;
  version: string;
  singular: string;
  description: string | null;
  path: string;
  /** It is rows of its plugin's own database: only read, without history, and nobody tells of changes. */
  view: boolean;
  allowed: Record<string, string>;
  search: string[];
  fields: Field[];
  actions: Action[];
  /** What may be attached to its records; absent where nothing may. */
  attachments?: { maxBytes: number; maxCount: number; types: string[]; pictureWidths: number[] };
}

/** A record as it comes over the wire. */
export type Row = Record<string, unknown> & { id: string; revision: number };

export const catalogueKey = ['resources'] as const;
export const catalogueQuery = { queryKey: catalogueKey, queryFn: () => get<Resource[]>('/api/v1/resources'), staleTime: 60_000 };

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
  const found = candidates.map((name) => row[name]).find((value) => typeof value === 'string' && value !== '');
  return typeof found === 'string' ? found : `${spoken(resource.singular)} ${row.id.slice(-8)}`;
}
