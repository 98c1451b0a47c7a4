-- The entries of one tenant, a row a seal: each entry as its length, the chain after it and what its hash is taken over. The other columns help to find and are computed from the entries; verification computes them again.
CREATE TABLE batches (
  seal INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  earliest INTEGER NOT NULL,
  latest INTEGER NOT NULL,
  terms BLOB NOT NULL,
  entries BLOB NOT NULL
);

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
