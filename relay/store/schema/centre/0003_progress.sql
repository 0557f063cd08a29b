-- How far each region is, as running counts and sums, so that nobody who asks makes the centre read the whole record.
-- All of it follows from `statement`: with the three tables empty and `counted.receipt` 0, it is counted again.

-- every change of a verdict comes with a new receipt: what is to be counted next is what has a newer one
CREATE INDEX statement_by_receipt ON statement (receipt, tps);
-- few are not simply recorded, and are counted whenever somebody asks
CREATE INDEX statement_without_verdict ON statement (number) WHERE verdict IS NULL;
CREATE INDEX statement_in_conflict ON statement (number) WHERE verdict = 2;
CREATE INDEX statement_refused ON statement (number) WHERE verdict = 3;

CREATE TABLE counted (
    receipt INTEGER NOT NULL,           -- everything up to this receipt is in the counts
    documents INTEGER NOT NULL          -- rows of `document`
);
INSERT INTO counted SELECT 0, count(*) FROM document;
CREATE TRIGGER document_is_counted AFTER INSERT ON document BEGIN
    UPDATE counted SET documents = documents + 1;
END;

CREATE TABLE station (
    tps TEXT NOT NULL,
    form INTEGER NOT NULL,              -- 0: any form
    with_tally INTEGER NOT NULL,        -- these five: 0 or 1
    flagged INTEGER NOT NULL,
    in_conflict INTEGER NOT NULL,
    resolved_by_note INTEGER NOT NULL,
    with_photographs INTEGER NOT NULL,
    tally INTEGER,                      -- number of the statement whose figures are in the sums
    PRIMARY KEY (tps, form)
) WITHOUT ROWID;

CREATE TABLE region (
    form INTEGER NOT NULL,              -- 0: any form
    digits INTEGER NOT NULL,            -- 0, 2, 4 or 6
    scope TEXT NOT NULL,
    with_tally INTEGER NOT NULL,        -- these five: stations
    flagged INTEGER NOT NULL,
    in_conflict INTEGER NOT NULL,
    resolved_by_note INTEGER NOT NULL,
    with_photographs INTEGER NOT NULL,
    sums BLOB NOT NULL,                 -- big-endian, 4 bytes each: the sum of every field, then its blank boxes
    PRIMARY KEY (form, digits, scope)
) WITHOUT ROWID;

CREATE TABLE registry_count (           -- how many stations of the registry a region has
    digits INTEGER NOT NULL,
    scope TEXT NOT NULL,
    tps INTEGER NOT NULL,
    PRIMARY KEY (digits, scope)
) WITHOUT ROWID;
INSERT INTO registry_count SELECT digits, substr(tps, 1, digits) AS scope, count(*) FROM registry_tps,
    (SELECT 0 AS digits UNION SELECT 2 UNION SELECT 4 UNION SELECT 6) GROUP BY digits, scope;
