import { ActionIcon, Anchor, Button, Card, FileButton, Group, Progress, Stack, Text, Title, UnstyledButton } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Download, File, FileArchive, FileAudio, FileImage, FileSpreadsheet, FileText, FileVideo, Paperclip, Trash2, Upload, X, type LucideIcon } from 'lucide-react';
import { useCallback, useEffect, useRef, useState, type DragEvent, type ReactNode } from 'react';
import type { Resource } from '../api/catalogue';
import { Problem } from '../api/http';
import { attachmentsOf, detach, listAttachments, type Attachment } from '../api/records';
import { readAgain as readFiles } from '../api/again';
import { useRecordChanges } from '../api/live';
import { useNames } from '../api/names';
import { upload } from '../api/upload';
import { useFormat } from '../kinds/useFormat';
import { Empty, Fault, tellDone, tellFault, Waiting } from '../shell/Parts';
import { useWords } from '../words';
import { ask } from './ask';
import { isPicture, PictureThumb } from './Picture';

/** A file on its way. */
interface Sending { key: string; file: File; sent: number; error: unknown; stop: AbortController }

function iconOf(type: string): LucideIcon {
  const [kind, subtype = ''] = type.split('/');
  if (kind === 'image') return FileImage;
  if (kind === 'audio') return FileAudio;
  if (kind === 'video') return FileVideo;
  if (/zip|tar|compressed/.test(subtype)) return FileArchive;
  if (/csv|excel|spreadsheet/.test(subtype)) return FileSpreadsheet;
  return kind === 'text' || /pdf|word|json|xml|opendocument/.test(subtype) ? FileText : File;
}

/** What is attached to a record: listed, added by whoever may change the record, opened, removed. */
export function Attachments({ resource, id }: { resource: Resource; id: string }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const nameOf = useNames();
  const client = useQueryClient();
  const key = ['attachments', resource.name, id];
  const path = attachmentsOf(resource, id);
  const found = useQuery({ queryKey: key, queryFn: () => listAttachments(resource, id) });
  const readAgain = useCallback(() => void readFiles(client, ['attachments', resource.name, id]), [client, resource.name, id]);
  useRecordChanges(resource.name, useCallback((told) => { if (told.recordId === id) readAgain(); }, [readAgain, id]));
  const mayChange = 'update' in resource.allowed;
  const { sending, add, again, drop } = useUploads(path, readAgain);
  const [isOver, setIsOver] = useState(false);
  const files = found.data ?? [];
  const rules = resource.attachments;
  const widths = rules?.pictureWidths ?? [];

  const removeIt = async (file: Attachment): Promise<void> => {
    if (!(await ask({ title: words.removeFile(file.name), text: words.removeFileExplained, confirm: words.remove, cancel: words.cancel, isDangerous: true }))) return;
    try {
      await detach(resource, id, file.id);
      tellDone(words.fileRemoved(file.name));
    } catch (fault) {
      // Somebody else was faster: it is gone, as was asked for.
      if (!(fault instanceof Problem) || fault.status !== 404) tellFault(fault, words);
    }
    readAgain();
  };
  const dragged = (event: DragEvent, over: boolean): void => {
    if (!mayChange || !event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    setIsOver(over);
  };

  if (found.isLoading) return <Waiting lines={3} />;
  if (found.error) return <Fault error={found.error} retry={() => void found.refetch()} />;
  return (
    <Card withBorder component="section" aria-labelledby="attachments-title" className={isOver ? 'drop-over' : undefined}
      onDragOver={(event: DragEvent) => dragged(event, true)} onDragLeave={(event: DragEvent) => dragged(event, false)} onDrop={(event: DragEvent) => { dragged(event, false); if (mayChange) add([...event.dataTransfer.files]); }}>
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h4" id="attachments-title">{words.attachments} {files.length > 0 && <Text span c="dimmed" size="sm" fw={400}>{format.number(files.length)}</Text>}</Title>
        {mayChange && <FileButton multiple onChange={add} inputProps={{ 'aria-label': words.addFiles }} {...(rules?.types.length ? { accept: rules.types.join(',') } : {})}>{(props) => <Button {...props} variant="light" size="xs" leftSection={<Upload size={14} aria-hidden />}>{words.addFiles}</Button>}</FileButton>}
      </Group>
      {files.length === 0 && sending.length === 0 && <Empty icon={Paperclip} title={words.noAttachments} hint={mayChange ? words.noAttachmentsHint(format.bytes(rules?.maxBytes ?? 0)) : words.noAttachmentsRead} />}
      <Stack gap={0} component="ul" className={files.some((file) => isPicture(file, widths)) ? 'with-pictures' : undefined} p={0} m={0} aria-labelledby="attachments-title" style={{ listStyle: 'none' }}>
        {files.map((file) => <Row key={file.id} file={file} widths={widths} who={nameOf(file.createdBy)} onRemove={mayChange ? () => void removeIt(file) : null} />)}
      </Stack>
      <Stack gap="xs" mt={sending.length > 0 ? 'sm' : 0} aria-live="polite">
        {sending.map((one) => <OnItsWay key={one.key} one={one} onDrop={() => drop(one)} onAgain={() => again(one)} />)}
      </Stack>
    </Card>
  );
}

function Row({ file, widths, who, onRemove }: { file: Attachment; widths: number[]; who: string; onRemove: (() => void) | null }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const Icon = iconOf(file.contentType);
  return (
    <Group component="li" wrap="nowrap" gap="sm" py="xs" className="note">
      {isPicture(file, widths)
        ? <PictureThumb file={file} widths={widths} instead={<Icon size={26} strokeWidth={1.4} aria-hidden />} />
        : <UnstyledButton component="a" href={file.url} download={file.name} tabIndex={-1} aria-hidden="true" className="thumb"><Icon size={26} strokeWidth={1.4} aria-hidden /></UnstyledButton>}
      <div className="grow">
        <Anchor href={file.url} download={file.name} size="sm" style={{ overflowWrap: 'anywhere' }}>{file.name}</Anchor>
        <Text size="xs" c="dimmed" title={format.instant(file.createdAt)}>{format.bytes(file.size)} · {format.ago(file.createdAt)} {words.by} {who}</Text>
      </div>
      <ActionIcon component="a" href={file.url} download={file.name} variant="subtle" aria-label={words.downloadFile(file.name)}><Download size={16} aria-hidden /></ActionIcon>
      {onRemove && <ActionIcon variant="subtle" color="red" aria-label={words.removeFileLabel(file.name)} onClick={onRemove}><Trash2 size={16} aria-hidden /></ActionIcon>}
    </Group>
  );
}

function OnItsWay({ one, onDrop, onAgain }: { one: Sending; onDrop: () => void; onAgain: () => void }): ReactNode {
  const words = useWords();
  const format = useFormat();
  const share = one.file.size === 0 ? 100 : Math.round((one.sent / one.file.size) * 100);
  return (
    <div>
      <Group justify="space-between" wrap="nowrap" mb={4}>
        <Text size="sm" lineClamp={1}>{one.file.name} <Text span c="dimmed" size="xs">{format.bytes(one.file.size)}</Text></Text>
        <ActionIcon variant="subtle" color="gray" aria-label={`${one.error === null ? words.stop : words.close}: ${one.file.name}`} onClick={onDrop}><X size={16} aria-hidden /></ActionIcon>
      </Group>
      {one.error === null ? <Progress value={share} aria-label={words.uploading(one.file.name)} /> : <Fault error={one.error} retry={onAgain} />}
    </div>
  );
}

/** Uploads of this page, two at a time; leaving the page stops them. */
function useUploads(path: string, onDone: () => void): { sending: Sending[]; add: (files: File[]) => void; again: (one: Sending) => void; drop: (one: Sending) => void } {
  const words = useWords();
  const [sending, setSending] = useState<Sending[]>([]);
  const running = useRef(new Set<AbortController>());
  const turn = useRef<Promise<void>[]>([Promise.resolve(), Promise.resolve()]);
  useEffect(() => {
    const all = running.current;
    return () => all.forEach((one) => one.abort());
  }, []);
  const change = (key: string, next: Partial<Sending>): void => setSending((all) => all.map((one) => (one.key === key ? { ...one, ...next } : one)));
  const drop = (one: Sending): void => {
    one.stop.abort();
    setSending((all) => all.filter((other) => other.key !== one.key));
  };
  const run = async (one: Sending): Promise<void> => {
    if (one.stop.signal.aborted) return;
    try {
      await upload(path, one.file, one.key, (sent) => change(one.key, { sent }), one.stop.signal);
      setSending((all) => all.filter((other) => other.key !== one.key));
      tellDone(words.fileAdded(one.file.name));
      onDone();
    } catch (error) {
      if (!one.stop.signal.aborted) change(one.key, { error });
    } finally {
      running.current.delete(one.stop);
    }
  };
  const begin = (one: Sending, at: number): void => {
    running.current.add(one.stop);
    const line = at % turn.current.length;
    turn.current[line] = (turn.current[line] ?? Promise.resolve()).then(() => run(one));
  };
  const add = (files: File[]): void => {
    const more = files.map((file): Sending => ({ key: crypto.randomUUID(), file, sent: 0, error: null, stop: new AbortController() }));
    setSending((all) => [...all, ...more]);
    more.forEach(begin);
  };
  // Under the same key: what was attached although its answer was lost is not attached twice.
  const again = (one: Sending): void => {
    const next = { ...one, sent: 0, error: null, stop: new AbortController() };
    setSending((all) => all.map((other) => (other.key === one.key ? next : other)));
    begin(next, 0);
  };
  return { sending, add, again, drop };
}
