-- Requests for certificates that wait for an authority elsewhere, and its answers; and which CAs and revocations
-- came from this side, so that the centre has to be told.

CREATE TABLE enrolment (
    id BLOB PRIMARY KEY,                -- SHA-256 of the SubjectPublicKeyInfo: one row a key
    request BLOB NOT NULL,              -- PKCS#10, DER: the newest of this key
    name TEXT NOT NULL,                 -- as the holder typed it
    received_at INTEGER NOT NULL,
    answer TEXT                         -- JSON as it came, checked; NULL: waiting
) WITHOUT ROWID;

ALTER TABLE trust_item ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;  -- 1: the centre is not known to have it
