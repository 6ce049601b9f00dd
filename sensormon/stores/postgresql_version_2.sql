-- From version 1 of the tables to version 2: several collectors on one database.

-- Who writes here: a collector or a dashboard, each with a journal (`writer`) and a number for its ids.
CREATE TABLE collectors (
    number  smallint PRIMARY KEY,
    name    text NOT NULL UNIQUE,
    writer  text NOT NULL UNIQUE,
    host    text NOT NULL,
    version text NOT NULL,
    seen    timestamptz NOT NULL,     -- when it reported last
    report  text NOT NULL             -- what it said, in JSON
);

-- How often something other than readings was written, by table, so that others know that they must look.
CREATE TABLE acts (
    kind  text PRIMARY KEY,
    count bigint NOT NULL
);

-- Totals by journal: what each collector stored, and no row that two of them change at once.
ALTER TABLE stored_totals ADD COLUMN writer text NOT NULL DEFAULT '';
ALTER TABLE stored_totals DROP CONSTRAINT stored_totals_pkey;
ALTER TABLE stored_totals ADD PRIMARY KEY (writer, source);
ALTER TABLE rejected_totals ADD COLUMN writer text NOT NULL DEFAULT '';
ALTER TABLE rejected_totals DROP CONSTRAINT rejected_totals_pkey;
ALTER TABLE rejected_totals ADD PRIMARY KEY (writer, source, reason);

-- What was counted before cannot be told apart where two journals were on the database; else it is the one's.
UPDATE stored_totals SET writer = (SELECT min(writer) FROM watermarks)
WHERE (SELECT count(*) FROM watermarks) = 1;
UPDATE rejected_totals SET writer = (SELECT min(writer) FROM watermarks)
WHERE (SELECT count(*) FROM watermarks) = 1;

-- A version of the settings is in the journal of each collector that takes it up.
ALTER TABLE detector_settings ADD PRIMARY KEY (id);
