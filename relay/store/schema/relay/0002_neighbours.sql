-- Relays near by: those that handed statements over to this one, and those that took some over from it.

CREATE TABLE neighbour (
    x5t BLOB PRIMARY KEY,               -- SHA-256/64 of the certificate; a renewed one is another neighbour
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    chain BLOB NOT NULL                 -- CBOR array of DER: the certificate, then its CAs
) WITHOUT ROWID;

-- NULL: a phone handed it over; else the relay that was the first to do so, and that never gets it back
ALTER TABLE statement ADD COLUMN origin BLOB REFERENCES neighbour (x5t);
CREATE INDEX statement_by_origin ON statement (origin, receipt) WHERE origin IS NOT NULL;

CREATE TABLE handed_over (              -- what a neighbour has given us its slip for; it settles nothing
    subject BLOB NOT NULL,              -- a statement's id or a document's SHA-256
    neighbour BLOB NOT NULL REFERENCES neighbour (x5t),
    slip BLOB NOT NULL,
    held_at INTEGER NOT NULL,           -- by the neighbour's clock
    PRIMARY KEY (subject, neighbour)
) WITHOUT ROWID;
