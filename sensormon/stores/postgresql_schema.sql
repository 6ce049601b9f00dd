-- The tables of the store in PostgreSQL, version 1; later versions are in files of their own. Columns mean what they mean in schema.sql; what differs
-- is said here. Times are timestamptz, so that other programs read them rightly.

CREATE TABLE readings (
    id         bigint NOT NULL,
    tag        text NOT NULL,
    time       timestamptz NOT NULL,
    received   timestamptz NOT NULL,
    value      double precision NOT NULL,
    quality    bigint NOT NULL,
    n          bigint NOT NULL,
    score      double precision,
    expected   double precision,
    lower      double precision,
    upper      double precision,
    is_anomaly boolean NOT NULL,
    settings   integer NOT NULL,
    source     text NOT NULL,
    origin     text NOT NULL,
    threshold  double precision,
    profile    text,
    detector   text,
    withheld   smallint NOT NULL,
    own_detectors text,               -- those that judged, with commas between; null where fewer than two did
    own        double precision[]     -- score, expected, lower and upper of each of them in turn
) PARTITION BY RANGE (time);

-- Partitions are of a day (UTC) each and named readings_YYYYMMDD; see postgresql_partitions.py.
CREATE INDEX readings_tag_time ON readings (tag, time);
CREATE INDEX readings_id ON readings (id);
CREATE INDEX readings_time ON readings USING brin (time) WITH (pages_per_range = 16, autosummarize = on);
-- Few readings are flagged: finding them reads no others.
CREATE INDEX readings_flagged ON readings (time, id) WHERE is_anomaly;

CREATE TABLE rollups (
    tag     text NOT NULL,
    minute  timestamptz NOT NULL,
    source  text NOT NULL,
    quality smallint NOT NULL,
    low     double precision NOT NULL,
    mean    double precision NOT NULL,
    high    double precision NOT NULL,
    count   bigint NOT NULL,
    kept    bigint NOT NULL
);
CREATE INDEX rollups_tag_minute ON rollups (tag, minute);

CREATE TABLE counted_readings (
    id  bigint PRIMARY KEY,
    day date NOT NULL
);

CREATE TABLE rejected (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- in order of arrival
    received timestamptz NOT NULL,
    source   text NOT NULL,
    position integer NOT NULL,
    tag      text NOT NULL,           -- a NUL, which no text can hold here, is written ␀
    time     text NOT NULL,
    value    text NOT NULL,
    reason   text NOT NULL,
    detail   text NOT NULL
);
CREATE INDEX rejected_received ON rejected (received);

CREATE TABLE injected_faults (
    tag   text NOT NULL,
    time  timestamptz NOT NULL,
    fault text NOT NULL
);
CREATE INDEX injected_faults_time ON injected_faults (time);

CREATE TABLE detector_settings (
    id       integer NOT NULL,
    applied  timestamptz NOT NULL,
    who      text NOT NULL,
    detector text NOT NULL,
    params   text NOT NULL,
    base     text NOT NULL,
    profiles text,
    reason   text
);

CREATE TABLE event_actions (
    reading bigint NOT NULL,
    number  bigint NOT NULL,
    time    timestamptz NOT NULL,
    who     text NOT NULL,
    action  text NOT NULL,
    label   text NOT NULL,
    until   timestamptz,
    note    text NOT NULL
);
CREATE INDEX event_actions_reading ON event_actions (reading);

CREATE TABLE annotations (
    id      text NOT NULL,
    since   timestamptz NOT NULL,
    until   timestamptz NOT NULL,
    tags    text[] NOT NULL,
    text    text NOT NULL,
    who     text NOT NULL,
    time    timestamptz NOT NULL,
    removed boolean NOT NULL
);

CREATE TABLE documents (
    collection text NOT NULL,
    key        text NOT NULL,
    content    text NOT NULL,
    who        text NOT NULL,
    time       timestamptz NOT NULL,
    removed    boolean NOT NULL,
    number     bigint NOT NULL
);
CREATE INDEX documents_key ON documents (collection, key);

CREATE TABLE audit (
    time     timestamptz NOT NULL,
    who      text NOT NULL,
    verified boolean NOT NULL,
    role     text NOT NULL,
    address  text NOT NULL,
    act      text NOT NULL,
    subject  text NOT NULL,
    before   text NOT NULL,
    after    text NOT NULL,
    failure  text NOT NULL,
    number   bigint NOT NULL
);
CREATE INDEX audit_time ON audit (time);

CREATE TABLE watermarks (
    writer  text PRIMARY KEY,
    number  bigint NOT NULL,
    next_id bigint NOT NULL
);

CREATE TABLE received_totals (
    writer   text NOT NULL,
    source   text NOT NULL,
    received bigint NOT NULL,
    PRIMARY KEY (writer, source)
);

CREATE TABLE stored_totals (
    source text PRIMARY KEY,
    stored bigint NOT NULL
);

CREATE TABLE rejected_totals (
    source   text NOT NULL,
    reason   text NOT NULL,
    rejected bigint NOT NULL,
    PRIMARY KEY (source, reason)
);

CREATE TABLE rejected_unlisted (
    source   text NOT NULL,
    reason   text NOT NULL,
    rejected bigint NOT NULL,
    PRIMARY KEY (source, reason)
);

CREATE TABLE latest (
    tag  text PRIMARY KEY,
    id   bigint NOT NULL,
    time timestamptz NOT NULL,
    n    bigint NOT NULL
) WITH (fillfactor = 50);             -- rows are updated in place at every load

CREATE TABLE kept_answers (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- in order of arrival
    key         text NOT NULL,
    fingerprint text NOT NULL,
    status      integer NOT NULL,
    body        text NOT NULL,
    received    timestamptz NOT NULL
);
CREATE INDEX kept_answers_key ON kept_answers (key text_pattern_ops);

CREATE TABLE state_words (
    tag  text NOT NULL,
    code bigint NOT NULL,
    word text NOT NULL,
    PRIMARY KEY (tag, code)
);

CREATE TABLE imported (
    import_id bigint NOT NULL,
    number    bigint NOT NULL,
    first_id  bigint NOT NULL,
    stored    bigint NOT NULL,
    known     bigint NOT NULL,
    rejected  bigint NOT NULL,
    flagged   bigint NOT NULL,
    since     timestamptz,
    until     timestamptz
);
CREATE INDEX imported_import ON imported (import_id);

CREATE TABLE undone_imports (
    import_id bigint PRIMARY KEY,
    who       text NOT NULL,
    time      timestamptz NOT NULL,
    readings  bigint NOT NULL
);

CREATE TABLE undone_totals (
    source text PRIMARY KEY,
    undone bigint NOT NULL
);

-- Changes of readings that were stored before, for whoever has read them. `deleted`: some are gone, of this tag
-- and day (those of a roll-up, which keeps the flagged ones) or, where these are null, of any. Else readings
-- came with ids below the highest.
CREATE TABLE rewritten (
    xid     xid8 NOT NULL DEFAULT pg_current_xact_id(),
    time    timestamptz NOT NULL DEFAULT now(),
    deleted boolean NOT NULL,
    tag     text,
    day     timestamptz
);
CREATE INDEX rewritten_time ON rewritten (time);
CREATE INDEX rewritten_flags ON rewritten (deleted) WHERE tag IS NULL;
