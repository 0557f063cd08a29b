-- What the centre has recorded. Nothing here is ever overwritten: a correction is a new revision, and two
-- statements that disagree are both kept.

CREATE TABLE signer (
    x5t BLOB PRIMARY KEY,
    chain BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE receipt (
    number INTEGER PRIMARY KEY,
    cose BLOB NOT NULL UNIQUE,
    issued_at INTEGER NOT NULL
);

CREATE TABLE statement (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    short_id BLOB NOT NULL,             -- its first 8 bytes, by which relays ask
    kind INTEGER NOT NULL,
    tps TEXT NOT NULL,
    form INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    signed_at INTEGER NOT NULL,         -- by the phone's clock
    signer BLOB NOT NULL,
    sender TEXT NOT NULL,               -- the relay that brought it first
    cose BLOB NOT NULL,
    content BLOB NOT NULL,              -- SHA-256 of what it claims: equal contents are no conflict
    received_at INTEGER NOT NULL,
    notes TEXT NOT NULL,                -- flags, or the reason of a refusal: JSON array
    verdict INTEGER,                    -- NULL: photographs that it lists are still on their way
    receipt INTEGER REFERENCES receipt (number)
);
CREATE INDEX statement_by_short_id ON statement (short_id);
CREATE INDEX statement_by_tps ON statement (tps, form, kind, revision);

CREATE TABLE page (
    statement INTEGER NOT NULL REFERENCES statement (number),
    page INTEGER NOT NULL,
    document BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (statement, page)
) WITHOUT ROWID;
CREATE INDEX page_by_document ON page (document);

CREATE TABLE document (
    sha256 BLOB PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    held_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE registry_tps (
    tps TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE registry_region (
    scope TEXT PRIMARY KEY,             -- 2, 4, 6 or 10 digits
    name TEXT NOT NULL
) WITHOUT ROWID;
