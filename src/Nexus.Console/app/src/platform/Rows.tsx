import { Code, Drawer, Table, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import { useWords } from '../words';

/** A table of its own width in a page of any: it scrolls by itself, also from the keyboard. */
export function Rows({ label, heads, width = 640, isLandmark = true, children }: { label: string; heads: readonly ReactNode[]; width?: number; /** Somewhere to jump to; not where there may be several of the same name. */ isLandmark?: boolean; children: ReactNode }): ReactNode {
  return (
    <Table.ScrollContainer minWidth={width} type="native" tabIndex={0} role={isLandmark ? 'region' : 'group'} aria-label={label}>
      <Table>
        <Table.Thead><Table.Tr>{heads.map((head, index) => <Table.Th key={index}>{head}</Table.Th>)}</Table.Tr></Table.Thead>
        <Table.Tbody>{children}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** One thing of a list, beside the list. */
export function Side({ title, onClose, children }: { title: string | null; onClose: () => void; children: ReactNode }): ReactNode {
  const words = useWords();
  return (
    <Drawer.Root opened={title !== null} onClose={onClose} position="right" size="lg">
      <Drawer.Overlay />
      <Drawer.Content>
        {/* A header of its own would be a second banner of the page. */}
        <Drawer.Header role="none"><Drawer.Title>{title}</Drawer.Title><Drawer.CloseButton aria-label={words.close} /></Drawer.Header>
        <Drawer.Body>{title !== null && children}</Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}

/** Names with their values; what has no value is left out. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }): ReactNode {
  return (
    <dl className="facts" style={{ margin: 0 }}>
      {facts.filter(([, value]) => value !== undefined && value !== null && value !== '').map(([label, value]) => (
        <div key={label}><Text component="dt" size="sm" c="dimmed">{label}</Text><dd>{value}</dd></div>
      ))}
    </dl>
  );
}

/** JSON as it is, wrapped in place of scrolled. */
export function Json({ value }: { value: unknown }): ReactNode {
  return <Code block className="lines">{JSON.stringify(value, null, 2)}</Code>;
}

/** A word of the address, so that a page can be shared and gone back to; what is empty is not in the address. */
export function useAddress(): [(name: string) => string, (changes: Record<string, string | null>, isStep?: boolean) => void] {
  const [params, setParams] = useSearchParams();
  const change = (changes: Record<string, string | null>, isStep = false): void => setParams((now) => {
    const next = new URLSearchParams(now);
    Object.entries(changes).forEach(([name, value]) => { if (value) next.set(name, value); else next.delete(name); });
    return next;
  }, { replace: !isStep });
  return [(name) => params.get(name) ?? '', change];
}
