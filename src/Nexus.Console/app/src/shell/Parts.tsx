import { Alert, Button, Center, Code, Group, Modal, Skeleton, Stack, Text, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { CircleAlert, CloudOff, Inbox, type LucideIcon } from 'lucide-react';
import { Component, type ReactNode } from 'react';
import { Problem } from '../api/http';
import { SpeechContext, useWords, type Speech } from '../words';

/** A page's heading, what it is about, and what can be done. */
export function PageHead({ title, about, children }: { title: string; about?: string | null | undefined; children?: ReactNode }): ReactNode {
  return (
    <Group justify="space-between" align="flex-start" mb="md" gap="sm">
      <div style={{ minWidth: 0 }}>
        <Title order={1} lineClamp={3}>{title}</Title>
        {about && <Text c="dimmed" size="sm" mt={2}>{about}</Text>}
      </div>
      <Group gap="xs">{children}</Group>
    </Group>
  );
}

/** Nothing to show, and what to do next. */
export function Empty({ title, hint, icon: Icon = Inbox, isPage = false, children }: { title: string; hint?: string; icon?: LucideIcon; /** It is all there is on the page, so its title is the page's. */ isPage?: boolean; children?: ReactNode }): ReactNode {
  return (
    <Center py={48} data-empty>
      <Stack align="center" gap="xs" maw={420}>
        <Icon size={36} strokeWidth={1.4} aria-hidden />
        {isPage ? <Title order={1} size="h3">{title}</Title> : <Text fw={600}>{title}</Text>}
        {hint && <Text c="dimmed" size="sm" ta="center">{hint}</Text>}
        {children}
      </Stack>
    </Center>
  );
}

/** What is shown while something is on its way; nothing for the first 300 ms, which most things take less than. */
export function Waiting({ lines = 6 }: { lines?: number }): ReactNode {
  return <Stack gap="sm" aria-busy="true" className="waiting">{Array.from({ length: lines }, (_, index) => <Skeleton key={index} height={index === 0 ? 28 : 18} width={index === 0 ? '40%' : '100%'} />)}</Stack>;
}

/** An error with what happened, the way out, and the id by which the logs know it. */
export function Fault({ error, retry }: { error: unknown; retry?: (() => void) | undefined }): ReactNode {
  const words = useWords();
  const problem = error instanceof Problem ? error : null;
  return (
    <Alert color={problem?.isOffline ? 'yellow' : 'red'} variant="light" icon={problem?.isOffline ? <CloudOff size={18} /> : <CircleAlert size={18} />} title={problem?.title ?? words.failed} role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm" className="lines">{error instanceof Error ? error.message : String(error)}</Text>
        {problem && !problem.isOffline && <Text size="xs" c="dimmed">{problem.code}{problem.traceId && <> · {words.traceId} <Code>{problem.traceId}</Code></>}</Text>}
        {retry && <Button size="xs" variant="light" onClick={retry}>{words.retry}</Button>}
      </Stack>
    </Alert>
  );
}

/** Says that something did not work, where no part of the page is at hand. */
export function tellFault(error: unknown, words: Speech['words']): void {
  const problem = error instanceof Problem ? error : null;
  notifications.show({ color: 'red', title: problem?.title ?? words.failed, message: `${error instanceof Error ? error.message : String(error)}${problem?.traceId ? ` (${words.traceId} ${problem.traceId})` : ''}`, autoClose: 12_000, closeButtonProps: { 'aria-label': words.close } });
}

export function tellDone(message: string): void {
  notifications.show({ color: 'teal', message, autoClose: 4000, withCloseButton: false });
}

/** A question or a small form over the page; as wide as what it has where that is asked for. */
export function Dialog({ title, isOpen, onClose, isWide = false, children }: { title: ReactNode; isOpen: boolean; onClose: () => void; isWide?: boolean; children: ReactNode }): ReactNode {
  const words = useWords();
  return (
    // Over a thing that is shown beside a list, from which it may be asked; below the choices of its own inputs.
    <Modal.Root opened={isOpen} onClose={onClose} centered zIndex={250} {...(isWide ? { size: 'auto' } : {})}>
      <Modal.Overlay />
      <Modal.Content>
        {/* A header of its own would be a second banner of the page. */}
        <Modal.Header role="none"><Modal.Title>{title}</Modal.Title><Modal.CloseButton aria-label={words.close} /></Modal.Header>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

/** A part that fails says so in its own place, and the page goes on. */
export class Boundary extends Component<{ children: ReactNode; name?: string; /** When it changes, what failed is tried again. */ version?: string }, { error: Error | null }> {
  static override contextType = SpeechContext;
  declare context: Speech;
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } { return { error }; }

  override componentDidUpdate(before: { version?: string }): void {
    if (this.state.error && before.version !== this.props.version) this.setState({ error: null });
  }

  override render(): ReactNode {
    if (!this.state.error) return this.props.children;
    return (
      <Alert color="red" variant="light" icon={<CircleAlert size={18} />} title={`${this.context.words.somethingBroke}${this.props.name ? `: ${this.props.name}` : ''}`} role="alert">
        <Stack gap="xs" align="flex-start">
          <Text size="sm">{this.state.error.message}</Text>
          <Button size="xs" variant="light" onClick={() => this.setState({ error: null })}>{this.context.words.retry}</Button>
        </Stack>
      </Alert>
    );
  }
}
