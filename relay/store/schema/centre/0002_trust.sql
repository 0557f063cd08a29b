-- What relays have told of CAs and revocations below them, each checked from the root.

CREATE TABLE trust_item (
    sha256 BLOB PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('authority', 'centre', 'crl')),
    der BLOB NOT NULL,
    owed INTEGER NOT NULL DEFAULT 0     -- as at a relay; nobody is above the centre
) WITHOUT ROWID;
