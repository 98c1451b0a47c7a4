-- The entries of one tenant in their order. The columns are the entry: its hash is taken over them, so there is no second copy that could say otherwise.
CREATE TABLE entries (
  position INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT,
  result INTEGER NOT NULL,
  address TEXT,
  agent TEXT,
  correlation TEXT,
  detail BLOB NOT NULL,
  chain BLOB NOT NULL
);
CREATE INDEX entries_at ON entries (at);
CREATE INDEX entries_actor ON entries (actor, position);
CREATE INDEX entries_subject ON entries (subject, position) WHERE subject IS NOT NULL;

CREATE TABLE seals (
  number INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  at INTEGER NOT NULL,
  root BLOB NOT NULL,
  chain BLOB NOT NULL,
  previous BLOB NOT NULL,
  key TEXT NOT NULL,
  signature BLOB NOT NULL
);

-- What retention moved to files. The seals stay, so the chain can still be followed.
CREATE TABLE archives (
  first_seal INTEGER PRIMARY KEY,
  last_seal INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  file TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  at INTEGER NOT NULL
);

CREATE TABLE alerts (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  rule TEXT NOT NULL,
  who TEXT NOT NULL,
  count INTEGER NOT NULL,
  position INTEGER NOT NULL
);

-- How far anchors that cannot be read back have come.
CREATE TABLE anchored (name TEXT PRIMARY KEY, number INTEGER NOT NULL);
