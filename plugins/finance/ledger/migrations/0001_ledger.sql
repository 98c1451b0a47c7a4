-- Units are Int128 in code and two integers here: units = hi * 10^12 + lo. Integers are what SQL can sum exactly, so the
-- database itself can refuse a journal that does not balance; a sum of limbs is carried over when it is stored.
CREATE TABLE book (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    base_commodity TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_seq INTEGER NOT NULL DEFAULT 0,
    last_recorded_at TEXT NOT NULL DEFAULT ''
);

CREATE TABLE commodity (
    book TEXT NOT NULL REFERENCES book (id),
    code TEXT NOT NULL,
    scale INTEGER NOT NULL CHECK (typeof(scale) = 'integer' AND scale BETWEEN 0 AND 18),
    name TEXT,
    PRIMARY KEY (book, code)
) WITHOUT ROWID;

CREATE TRIGGER commodity_fixed BEFORE UPDATE OF book, code, scale ON commodity
BEGIN
    SELECT RAISE(ABORT, 'ledger: the scale of a commodity is fixed');
END;

CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    book TEXT NOT NULL REFERENCES book (id),
    path TEXT NOT NULL,
    parent TEXT REFERENCES account (id),
    type TEXT NOT NULL CHECK (type IN ('asset', 'liability', 'equity', 'income', 'expense')),
    normal_side TEXT NOT NULL CHECK (normal_side IN ('debit', 'credit')),
    commodity TEXT,
    number TEXT,
    closed_on TEXT,
    revision INTEGER NOT NULL DEFAULT 1,
    UNIQUE (book, path)
);

CREATE INDEX account_number ON account (book, number) WHERE number IS NOT NULL;

CREATE TABLE journal (
    id TEXT NOT NULL PRIMARY KEY,
    book TEXT NOT NULL REFERENCES book (id),
    seq INTEGER NOT NULL,
    booked_on TEXT NOT NULL,
    value_on TEXT,
    recorded_at TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('entry', 'import', 'reversal', 'edit')),
    payee TEXT,
    narration TEXT,
    source TEXT,
    idem_key TEXT,
    idem_hash TEXT,
    reverses TEXT UNIQUE REFERENCES journal (id),
    replaces TEXT UNIQUE REFERENCES journal (id),
    UNIQUE (book, seq),
    UNIQUE (book, idem_key)
);

CREATE INDEX journal_source ON journal (source) WHERE source IS NOT NULL;

-- Postings are written before their journal: when the journal arrives they must be complete, and from then on they are sealed.
CREATE TABLE posting (
    journal TEXT NOT NULL REFERENCES journal (id) DEFERRABLE INITIALLY DEFERRED,
    n INTEGER NOT NULL,
    book TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    commodity TEXT NOT NULL,
    hi INTEGER NOT NULL CHECK (typeof(hi) = 'integer' AND hi BETWEEN -10000000000000000 AND 10000000000000000),
    lo INTEGER NOT NULL CHECK (typeof(lo) = 'integer' AND lo BETWEEN -999999999999 AND 999999999999),
    day TEXT NOT NULL,
    seq INTEGER NOT NULL,
    memo TEXT,
    reference TEXT,
    origin TEXT,
    PRIMARY KEY (journal, n),
    FOREIGN KEY (book, commodity) REFERENCES commodity (book, code)
) WITHOUT ROWID;

CREATE INDEX posting_register ON posting (account, day, seq, n);
CREATE INDEX posting_reference ON posting (account, reference) WHERE reference IS NOT NULL;

CREATE TRIGGER posting_open BEFORE INSERT ON posting
BEGIN
    SELECT RAISE(ABORT, 'ledger: the journal is sealed') WHERE EXISTS (SELECT 1 FROM journal WHERE id = NEW.journal);
    SELECT RAISE(ABORT, 'ledger: the account is of another book or holds another commodity')
        WHERE NOT EXISTS (SELECT 1 FROM account WHERE id = NEW.account AND book = NEW.book AND (commodity IS NULL OR commodity = NEW.commodity));
END;

CREATE TRIGGER journal_complete BEFORE INSERT ON journal
BEGIN
    SELECT RAISE(ABORT, 'ledger: seq has a gap') WHERE NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM journal WHERE book = NEW.book);
    SELECT RAISE(ABORT, 'ledger: a journal has two or more postings') WHERE (SELECT COUNT(*) FROM posting WHERE journal = NEW.id) < 2;
    SELECT RAISE(ABORT, 'ledger: a posting is of another book, day or seq')
        WHERE EXISTS (SELECT 1 FROM posting WHERE journal = NEW.id AND (book <> NEW.book OR day <> NEW.booked_on OR seq <> NEW.seq));
    SELECT RAISE(ABORT, 'ledger: the postings do not sum to zero')
        WHERE EXISTS (SELECT 1 FROM posting WHERE journal = NEW.id GROUP BY commodity HAVING SUM(lo) % 1000000000000 <> 0 OR SUM(hi) + SUM(lo) / 1000000000000 <> 0);
END;

CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'ledger: a journal is never changed');
END;

CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'ledger: a journal is never deleted');
END;

CREATE TRIGGER posting_no_update BEFORE UPDATE ON posting
BEGIN
    SELECT RAISE(ABORT, 'ledger: a posting is never changed');
END;

CREATE TRIGGER posting_no_delete BEFORE DELETE ON posting
BEGIN
    SELECT RAISE(ABORT, 'ledger: a posting is never deleted');
END;

CREATE TABLE balance (
    account TEXT NOT NULL REFERENCES account (id),
    commodity TEXT NOT NULL,
    hi INTEGER NOT NULL CHECK (typeof(hi) = 'integer'),
    lo INTEGER NOT NULL CHECK (typeof(lo) = 'integer'),
    version INTEGER NOT NULL,
    PRIMARY KEY (account, commodity)
) WITHOUT ROWID;

CREATE TABLE balance_day (
    account TEXT NOT NULL REFERENCES account (id),
    commodity TEXT NOT NULL,
    day TEXT NOT NULL,
    hi INTEGER NOT NULL CHECK (typeof(hi) = 'integer'),
    lo INTEGER NOT NULL CHECK (typeof(lo) = 'integer'),
    postings INTEGER NOT NULL,
    PRIMARY KEY (account, day, commodity)
) WITHOUT ROWID;

CREATE TABLE import_profile (
    book TEXT NOT NULL REFERENCES book (id),
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    answers TEXT NOT NULL,
    PRIMARY KEY (book, name)
) WITHOUT ROWID;

CREATE TABLE import_batch (
    id TEXT NOT NULL PRIMARY KEY,
    book TEXT NOT NULL REFERENCES book (id),
    file_name TEXT,
    sha256 TEXT NOT NULL,
    format TEXT NOT NULL,
    profile TEXT,
    created_at TEXT NOT NULL,
    undone_at TEXT,
    added INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    ignored INTEGER NOT NULL,
    reading TEXT NOT NULL
);

CREATE TABLE import_line (
    batch TEXT NOT NULL REFERENCES import_batch (id),
    n INTEGER NOT NULL,
    line INTEGER NOT NULL,
    account TEXT NOT NULL,
    day TEXT NOT NULL,
    amount TEXT NOT NULL,
    commodity TEXT NOT NULL,
    text TEXT,
    reference TEXT,
    occurrence INTEGER NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('new', 'duplicate', 'ignored')),
    reason TEXT NOT NULL,
    score INTEGER,
    candidate TEXT,
    journal TEXT,
    raw TEXT NOT NULL,
    PRIMARY KEY (batch, n)
) WITHOUT ROWID;
