import type { Field } from '../api/catalogue';
import { spoken } from '../api/catalogue';
import type { Words } from '../words';

/** How a person reads values: numbers, money and times in their locale and zone, decimals digit for digit. */
export class Format {
  private readonly made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

  constructor(readonly locale: string, readonly words: Words) {}

  number(value: unknown, digits?: number): string {
    const options: Intl.NumberFormatOptions = digits === undefined ? { maximumFractionDigits: 20 } : { minimumFractionDigits: digits, maximumFractionDigits: digits };
    // What is no number, such as what somebody wrote into an address, is shown as it is.
    if (Number.isNaN(Number(value))) return String(value);
    // A text of digits is formatted exactly; a double would lose some.
    return this.numbers(options).format(value as number);
  }

  /** The sign between whole and part of a number. */
  get sign(): string { return (this.numbers({ minimumFractionDigits: 1 }).formatToParts(1.5).find((part) => part.type === 'decimal')?.value) ?? '.'; }

  /** A double of any size: the very large and the very small by their power of ten. */
  real(value: unknown): string {
    const size = Math.abs(Number(value));
    return size !== 0 && (size >= 1e15 || size < 1e-6) ? this.numbers({ notation: 'scientific', maximumFractionDigits: 15 }).format(value as number) : this.number(value);
  }

  money(value: { amount: string; currency: string }): string {
    try {
      return this.numbers({ style: 'currency', currency: value.currency, maximumFractionDigits: 20, trailingZeroDisplay: 'auto' }).format(value.amount as unknown as number);
    } catch {
      return `${this.number(value.amount)} ${value.currency}`;
    }
  }

  date(value: string): string {
    return this.time({ dateStyle: 'medium', timeZone: 'UTC' }, `${value}T00:00:00Z`, value);
  }

  instant(value: string): string {
    return this.time({ dateStyle: 'medium', timeStyle: 'medium' }, value, value);
  }

  /** "3 minutes ago". */
  ago(value: string, now = Date.now()): string {
    const seconds = Math.round((new Date(value).getTime() - now) / 1000);
    const steps: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400], ['hour', 3600], ['minute', 60]];
    const [unit, size] = steps.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
    return new Intl.RelativeTimeFormat(this.locale, { numeric: 'auto' }).format(Math.round(seconds / size), unit);
  }

  /** Bytes in binary units. */
  bytes(value: number): string {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
    return `${this.number(value / 2 ** (10 * power), power === 0 ? 0 : 1)} ${units[power]}`;
  }

  /** A value of a field as one line. */
  value(field: Field, value: unknown): string {
    if (value === null || value === undefined || value === '') return '';
    switch (field.kind) {
      case 'Integer': case 'Decimal': case 'Real': return `${field.kind === 'Real' ? this.real(value) : this.number(value)}${field.unit ? ` ${field.unit}` : ''}`;
      case 'Boolean': return value ? this.words.yes : this.words.no;
      case 'Date': return this.date(String(value));
      case 'Instant': return this.instant(String(value));
      case 'Choice': return spoken(String(value));
      case 'Money': return typeof value === 'object' ? this.money(value as { amount: string; currency: string }) : String(value);
      case 'List': return (value as unknown[]).map((one) => (field.element ? this.value(field.element, one) : String(one))).join(', ');
      case 'Group': return (field.fields ?? []).map((f) => this.value(f, (value as Record<string, unknown>)[f.name])).filter(Boolean).join(' · ');
      case 'Map': return Object.entries(value as Record<string, unknown>).map(([key, one]) => `${key}: ${field.element ? this.value(field.element, one) : String(one)}`).join(', ');
      case 'Json': return JSON.stringify(value);
      default: return String(value);
    }
  }

  /** A time; what is none, such as what somebody wrote into an address, is shown as it is. */
  private time(options: Intl.DateTimeFormatOptions, value: string, otherwise: string): string {
    const time = new Date(value);
    return Number.isNaN(time.getTime()) ? otherwise : this.times(options).format(time);
  }

  private numbers(options: Intl.NumberFormatOptions): Intl.NumberFormat {
    return this.kept(JSON.stringify(options), () => new Intl.NumberFormat(this.locale, options)) as Intl.NumberFormat;
  }

  private times(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    return this.kept(JSON.stringify(options), () => new Intl.DateTimeFormat(this.locale, options)) as Intl.DateTimeFormat;
  }

  private kept(name: string, make: () => Intl.NumberFormat | Intl.DateTimeFormat): Intl.NumberFormat | Intl.DateTimeFormat {
    const found = this.made.get(name) ?? make();
    this.made.set(name, found);
    return found;
  }
}
