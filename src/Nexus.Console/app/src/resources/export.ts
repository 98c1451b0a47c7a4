import { notifications } from '@mantine/notifications';
import type { Field, Resource, Row } from '../api/catalogue';
import type { Answer } from '../api/http';
import { listRecords } from '../api/records';
import type { Format } from '../kinds/format';
import { asSent } from '../kinds/sent';
import type { Words } from '../words';

/** Saves all that a list finds, however long it is: as CSV (RFC 4180) that spreadsheets open with the columns that are shown, or as JSON with all fields. What takes a while tells how far it is. */
export async function exportAs(form: 'csv' | 'json', resource: Resource, fields: Field[], query: string, words: Words, format: Format): Promise<void> {
  const parts: string[] = form === 'csv' ? ['\uFEFF', `${['id', ...fields.map((f) => f.name)].map(cell).join(',')}\r\n`] : ['[\n'];
  const notice = crypto.randomUUID();
  let done = 0;
  try {
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Answer<Row[]> = await listRecords(resource, `${query ? `${query}&` : ''}limit=1000${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
      for (const row of page.value) parts.push(form === 'csv' ? `${[row.id, ...fields.map((f) => plain(row[f.name]))].map(cell).join(',')}\r\n` : `${done === 0 && row === page.value[0] ? '' : ',\n'}${JSON.stringify(whole(resource, row))}`);
      cursor = page.next;
      if (cursor !== null) (done === 0 ? notifications.show : notifications.update)({ id: notice, loading: true, autoClose: false, withCloseButton: false, message: words.exporting(format.number(done + page.value.length)) });
      done += page.value.length;
    }
  } finally {
    notifications.hide(notice);
  }
  if (form === 'json') parts.push('\n]\n');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(parts, { type: form === 'csv' ? 'text/csv;charset=utf-8' : 'application/json' }));
  link.download = `${resource.name}.${form}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  notifications.show({ color: 'teal', message: words.exported(words.records(done, format.number(done))), autoClose: 4000, withCloseButton: false });
}

/** A record with its numbers digit for digit. */
const whole = (resource: Resource, row: Row): Row => ({ ...row, ...Object.fromEntries(resource.fields.filter((f) => f.name in row).map((f) => [f.name, f.kind === 'Group' ? row[f.name] : asSent(f, row[f.name])])) });

function plain(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  return 'amount' in value && 'currency' in value ? `${String(value.amount)} ${String(value.currency)}` : JSON.stringify(value);
}

/** A text that a spreadsheet would run as a formula is disarmed. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+([.,]\d+)?( [A-Z0-9]+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
