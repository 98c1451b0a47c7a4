import { useCallback, useLayoutEffect, useRef } from 'react';

/** Whether a part is still in the page, for answers that come late: they close nothing and go nowhere any more. */
export function useIsThere(): () => boolean {
  const isThere = useRef(false);
  useLayoutEffect(() => {
    isThere.current = true;
    return () => { isThere.current = false; };
  }, []);
  return useCallback(() => isThere.current, []);
}
