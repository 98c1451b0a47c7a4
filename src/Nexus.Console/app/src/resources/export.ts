import type { Field, Resource, Row } from '../api/catalogue';
import type { Answer } from '../api/http';
import { listRecords } from '../api/records';

const most = 100_000;

/** Saves what the list shows, all pages of it, as CSV (RFC 4180) that spreadsheets open. */
export async function exportCsv(resource: Resource, fields: Field[], query: string): Promise<void> {
  const lines = [['id', ...fields.map((f) => f.name)].map(cell).join(',')];
  for (let cursor: string | null = ''; cursor !== null && lines.length <= most;) {
    const page: Answer<Row[]> = await listRecords(resource, `${query}&limit=1000${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    page.value.forEach((row) => lines.push([row.id, ...fields.map((f) => plain(row[f.name]))].map(cell).join(',')));
    cursor = page.next;
  }
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(['\uFEFF', lines.join('\r\n'), '\r\n'], { type: 'text/csv;charset=utf-8' }));
  link.download = `${resource.name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

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
