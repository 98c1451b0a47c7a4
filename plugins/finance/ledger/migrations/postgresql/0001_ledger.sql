-- Units are Int128 in code and two integers here: units = hi * 10^12 + lo. The same two limbs as on SQLite, so that one
-- text of SQL reads both; sums of them are numeric here and exact.
CREATE TABLE book (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    base_commodity TEXT COLLATE "C" NOT NULL,
    created_at TEXT COLLATE "C" NOT NULL,
    last_seq BIGINT NOT NULL DEFAULT 0,
    last_recorded_at TEXT COLLATE "C" NOT NULL DEFAULT ''
);

CREATE TABLE commodity (
    book TEXT COLLATE "C" NOT NULL REFERENCES book (id),
    code TEXT COLLATE "C" NOT NULL,
    scale BIGINT NOT NULL CHECK (scale BETWEEN 0 AND 18),
    name TEXT COLLATE "C",
    PRIMARY KEY (book, code)
);

CREATE TABLE account (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    book TEXT COLLATE "C" NOT NULL REFERENCES book (id),
    path TEXT COLLATE "C" NOT NULL,
    parent TEXT COLLATE "C" REFERENCES account (id),
    type TEXT COLLATE "C" NOT NULL CHECK (type IN ('asset', 'liability', 'equity', 'income', 'expense')),
    normal_side TEXT COLLATE "C" NOT NULL CHECK (normal_side IN ('debit', 'credit')),
    commodity TEXT COLLATE "C",
    number TEXT COLLATE "C",
    closed_on TEXT COLLATE "C",
    revision BIGINT NOT NULL DEFAULT 1,
    UNIQUE (book, path)
);

CREATE INDEX account_number ON account (book, number) WHERE number IS NOT NULL;

CREATE TABLE journal (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    book TEXT COLLATE "C" NOT NULL REFERENCES book (id),
    seq BIGINT NOT NULL,
    booked_on TEXT COLLATE "C" NOT NULL,
    value_on TEXT COLLATE "C",
    recorded_at TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('entry', 'import', 'reversal', 'edit')),
    payee TEXT COLLATE "C",
    narration TEXT COLLATE "C",
    source TEXT COLLATE "C",
    idem_key TEXT COLLATE "C",
    idem_hash TEXT COLLATE "C",
    reverses TEXT COLLATE "C" UNIQUE REFERENCES journal (id),
    replaces TEXT COLLATE "C" UNIQUE REFERENCES journal (id),
    UNIQUE (book, seq),
    UNIQUE (book, idem_key)
);

CREATE INDEX journal_source ON journal (source) WHERE source IS NOT NULL;

-- Postings are written before their journal: when the journal arrives they must be complete, and from then on they are sealed.
CREATE TABLE posting (
    journal TEXT COLLATE "C" NOT NULL REFERENCES journal (id) DEFERRABLE INITIALLY DEFERRED,
    n BIGINT NOT NULL,
    book TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    commodity TEXT COLLATE "C" NOT NULL,
    hi BIGINT NOT NULL CHECK (hi BETWEEN -10000000000000000 AND 10000000000000000),
    lo BIGINT NOT NULL CHECK (lo BETWEEN -999999999999 AND 999999999999),
    day TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    memo TEXT COLLATE "C",
    reference TEXT COLLATE "C",
    origin TEXT COLLATE "C",
    PRIMARY KEY (journal, n),
    FOREIGN KEY (book, commodity) REFERENCES commodity (book, code)
);

CREATE INDEX posting_register ON posting (account, day, seq, n);
CREATE INDEX posting_reference ON posting (account, reference) WHERE reference IS NOT NULL;

CREATE TABLE balance (
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    commodity TEXT COLLATE "C" NOT NULL,
    hi BIGINT NOT NULL,
    lo BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (account, commodity)
);

CREATE TABLE balance_day (
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    commodity TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    hi BIGINT NOT NULL,
    lo BIGINT NOT NULL,
    postings BIGINT NOT NULL,
    PRIMARY KEY (account, day, commodity)
);

CREATE TABLE import_profile (
    book TEXT COLLATE "C" NOT NULL REFERENCES book (id),
    name TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    answers TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (book, name)
);

CREATE TABLE import_batch (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    book TEXT COLLATE "C" NOT NULL REFERENCES book (id),
    file_name TEXT COLLATE "C",
    sha256 TEXT COLLATE "C" NOT NULL,
    format TEXT COLLATE "C" NOT NULL,
    profile TEXT COLLATE "C",
    created_at TEXT COLLATE "C" NOT NULL,
    undone_at TEXT COLLATE "C",
    added BIGINT NOT NULL,
    duplicates BIGINT NOT NULL,
    ignored BIGINT NOT NULL,
    reading TEXT COLLATE "C" NOT NULL
);

CREATE TABLE import_line (
    batch TEXT COLLATE "C" NOT NULL REFERENCES import_batch (id),
    n BIGINT NOT NULL,
    line BIGINT NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    amount TEXT COLLATE "C" NOT NULL,
    commodity TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C",
    reference TEXT COLLATE "C",
    occurrence BIGINT NOT NULL,
    decision TEXT COLLATE "C" NOT NULL CHECK (decision IN ('new', 'duplicate', 'ignored')),
    reason TEXT COLLATE "C" NOT NULL,
    score BIGINT,
    candidate TEXT COLLATE "C",
    journal TEXT COLLATE "C",
    raw TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (batch, n)
);

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0];
END $$;

CREATE TRIGGER commodity_fixed BEFORE UPDATE OF book, code, scale ON commodity FOR EACH ROW EXECUTE FUNCTION refuse('ledger: the scale of a commodity is fixed');
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal FOR EACH ROW EXECUTE FUNCTION refuse('ledger: a journal is never changed');
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal FOR EACH ROW EXECUTE FUNCTION refuse('ledger: a journal is never deleted');
CREATE TRIGGER posting_no_update BEFORE UPDATE ON posting FOR EACH ROW EXECUTE FUNCTION refuse('ledger: a posting is never changed');
CREATE TRIGGER posting_no_delete BEFORE DELETE ON posting FOR EACH ROW EXECUTE FUNCTION refuse('ledger: a posting is never deleted');
CREATE TRIGGER posting_no_truncate BEFORE TRUNCATE ON posting FOR EACH STATEMENT EXECUTE FUNCTION refuse('ledger: a posting is never deleted');
CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON journal FOR EACH STATEMENT EXECUTE FUNCTION refuse('ledger: a journal is never deleted');

CREATE FUNCTION posting_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM journal WHERE id = NEW.journal) THEN
        RAISE EXCEPTION 'ledger: the journal is sealed';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM account WHERE id = NEW.account AND book = NEW.book AND (commodity IS NULL OR commodity = NEW.commodity)) THEN
        RAISE EXCEPTION 'ledger: the account is of another book or holds another commodity';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER posting_open BEFORE INSERT ON posting FOR EACH ROW EXECUTE FUNCTION posting_open();

CREATE FUNCTION journal_complete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM journal WHERE book = NEW.book) THEN
        RAISE EXCEPTION 'ledger: seq has a gap';
    END IF;
    IF (SELECT COUNT(*) FROM posting WHERE journal = NEW.id) < 2 THEN
        RAISE EXCEPTION 'ledger: a journal has two or more postings';
    END IF;
    IF EXISTS (SELECT 1 FROM posting WHERE journal = NEW.id AND (book <> NEW.book OR day <> NEW.booked_on OR seq <> NEW.seq)) THEN
        RAISE EXCEPTION 'ledger: a posting is of another book, day or seq';
    END IF;
    IF EXISTS (SELECT 1 FROM posting WHERE journal = NEW.id GROUP BY commodity HAVING SUM(hi) * 1000000000000 + SUM(lo) <> 0) THEN
        RAISE EXCEPTION 'ledger: the postings do not sum to zero';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER journal_complete BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION journal_complete();
