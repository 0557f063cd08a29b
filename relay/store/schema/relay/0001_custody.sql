-- What a relay has custody of. `number` is the running number on custody slips: one sequence over
-- statements and documents, without gaps.

CREATE TABLE signer (
    x5t BLOB PRIMARY KEY,               -- SHA-256/64 of the certificate
    chain BLOB NOT NULL                 -- CBOR array of DER: the certificate, then its CAs
) WITHOUT ROWID;

CREATE TABLE trust_item (
    sha256 BLOB PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('authority', 'centre', 'crl')),
    der BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE receipt (
    number INTEGER PRIMARY KEY,
    cose BLOB NOT NULL UNIQUE,
    settled_at INTEGER NOT NULL
);

CREATE TABLE statement (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,            -- SHA-256 of the Sig_structure
    kind INTEGER NOT NULL,
    tps TEXT NOT NULL,
    form INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    signer BLOB NOT NULL,
    cose BLOB NOT NULL,                 -- the exact bytes that the phone signed
    slip BLOB NOT NULL,
    held_at INTEGER NOT NULL,
    verdict INTEGER,                    -- of the newest receipt that speaks of it; NULL: none yet
    notes TEXT,                         -- the receipt's notes, JSON array
    receipt INTEGER REFERENCES receipt (number)
);
CREATE INDEX statement_by_tps ON statement (tps);
CREATE INDEX statement_without_receipt ON statement (number) WHERE verdict IS NULL;

CREATE TABLE page (
    statement INTEGER NOT NULL REFERENCES statement (number),
    page INTEGER NOT NULL,
    document BLOB NOT NULL,             -- SHA-256
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (statement, page)
) WITHOUT ROWID;
CREATE INDEX page_by_document ON page (document);

CREATE TABLE document (
    number INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL,
    slip BLOB NOT NULL,
    held_at INTEGER NOT NULL,
    dropped_at INTEGER                  -- the file was removed after the centre's receipt, to make room
);
