-- What an uplink with a daily budget has sent today: a restart does not give it back.

CREATE TABLE budget (
    uplink TEXT PRIMARY KEY,            -- its name in the configuration
    day INTEGER NOT NULL,               -- of UTC, counted from 1970
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
