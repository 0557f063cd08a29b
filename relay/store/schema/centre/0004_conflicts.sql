-- A relay that has brought a statement is told, when it comes again, that another relay's made it a conflict.

ALTER TABLE receipt ADD COLUMN given_to TEXT NOT NULL DEFAULT '';  -- the sender whose parcels led to it
CREATE INDEX statement_conflict_by_sender ON statement (sender) WHERE verdict = 2;
