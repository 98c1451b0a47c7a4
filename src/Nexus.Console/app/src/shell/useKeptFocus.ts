import { useEffect, type RefObject } from 'react';

/** What had the focus last, until somebody points elsewhere. */
let last: Element | null = null;
document.addEventListener('focusin', (event) => { last = event.target instanceof Element ? event.target : null; });
document.addEventListener('pointerdown', () => { last = null; });

/** Who works by the keyboard stays where they were: when what had the focus leaves the page it goes to the main part, and what was disabled while it was busy has it again. */
export function useKeptFocus(main: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const look = (): void => {
      if (!last || (document.activeElement && document.activeElement !== document.body)) return;
      if (!last.isConnected) main.current?.focus({ preventScroll: true });
      else if (last instanceof HTMLElement && !last.matches(':disabled')) last.focus({ preventScroll: true });
    };
    // What closes a dialog gives the focus back a moment later; what is drawn anew may take it by itself.
    let waiting = 0;
    const soon = (): void => { window.clearTimeout(waiting); waiting = window.setTimeout(look, 30); };
    const watch = new MutationObserver(soon);
    watch.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['disabled'] });
    soon();
    return () => { watch.disconnect(); window.clearTimeout(waiting); };
  }, [main]);
}
