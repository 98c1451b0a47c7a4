import { useCallback, useMemo } from 'react';
import { useEverybody } from '../platform/people';

/** Who is meant by an id of the audit trail or of an owner, for who may read accounts; else the id as it is. */
export function useNames(): (id: string) => string {
  const everybody = useEverybody();
  const names = useMemo(() => new Map((everybody.data?.items ?? []).map((user) => [user.id, user.displayName || user.username])), [everybody.data]);
  return useCallback((id) => names.get(id) ?? id, [names]);
}
