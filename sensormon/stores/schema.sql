-- The tables of the store. Times are UTC without a zone.
-- No key on readings: the watermark keeps a batch from being stored twice, and a key
-- would double the file and the time to load.

-- One row; programs refuse a version above their own.
CREATE TABLE IF NOT EXISTS sensormon_version (version INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS readings (
    id         BIGINT NOT NULL,       -- order of arrival, unique
    tag        VARCHAR NOT NULL,
    time       TIMESTAMP NOT NULL,    -- the source's own time
    received   TIMESTAMP NOT NULL,
    value      DOUBLE NOT NULL,
    quality    UINTEGER NOT NULL,     -- OPC UA status code
    n          BIGINT NOT NULL,       -- readings of the tag learned before this one
    score      DOUBLE,                -- null while the detector warms up
    expected   DOUBLE,
    lower      DOUBLE,
    upper      DOUBLE,
    is_anomaly BOOLEAN NOT NULL,
    settings   INTEGER NOT NULL,      -- the detector settings that made the score
    source     VARCHAR NOT NULL,
    origin     VARCHAR NOT NULL,      -- live, backfill or import
    threshold  DOUBLE,                -- of the detector that spoke; null where none judged, like `detector`
    profile    VARCHAR,               -- null in readings from before there were profiles, like all below
    detector   VARCHAR,
    withheld   UTINYINT,              -- 0 judged; 1 condition, 2 settling: not learned; 3 on-delay: not flagged
    own        STRUCT(detector VARCHAR, score DOUBLE, expected DOUBLE, lower DOUBLE, upper DOUBLE)[]
                                      -- what each detector said; null where fewer than two judged
);

-- Of a file from before there were profiles.
ALTER TABLE readings ADD COLUMN IF NOT EXISTS threshold DOUBLE;
ALTER TABLE readings ADD COLUMN IF NOT EXISTS profile VARCHAR;
ALTER TABLE readings ADD COLUMN IF NOT EXISTS detector VARCHAR;
ALTER TABLE readings ADD COLUMN IF NOT EXISTS withheld UTINYINT;
ALTER TABLE readings ADD COLUMN IF NOT EXISTS
    own STRUCT(detector VARCHAR, score DOUBLE, expected DOUBLE, lower DOUBLE, upper DOUBLE)[];

-- Roll-ups of old readings: one row per minute of a tag, source and quality.
CREATE TABLE IF NOT EXISTS rollups (
    tag     VARCHAR NOT NULL,
    minute  TIMESTAMP NOT NULL,
    source  VARCHAR NOT NULL,
    quality UTINYINT NOT NULL,        -- 0 good, 1 uncertain, 2 or 3 bad
    low     DOUBLE NOT NULL,
    mean    DOUBLE NOT NULL,
    high    DOUBLE NOT NULL,
    count   BIGINT NOT NULL,          -- readings, including those still in `readings`
    kept    BIGINT NOT NULL           -- of these, flagged and still in `readings`
);

-- Readings that still exist although a roll-up counts them already.
CREATE TABLE IF NOT EXISTS counted_readings (
    id  BIGINT NOT NULL,
    day DATE NOT NULL                 -- of the reading's own time
);

CREATE TABLE IF NOT EXISTS rejected (
    received TIMESTAMP NOT NULL,
    source   VARCHAR NOT NULL,
    position INTEGER NOT NULL,        -- row in the tick or request
    tag      VARCHAR NOT NULL,        -- as received, like time and value
    time     VARCHAR NOT NULL,
    value    VARCHAR NOT NULL,
    reason   VARCHAR NOT NULL,
    detail   VARCHAR NOT NULL
);

-- Ground truth of injected faults. Detectors never read it.
CREATE TABLE IF NOT EXISTS injected_faults (
    tag   VARCHAR NOT NULL,
    time  TIMESTAMP NOT NULL,
    fault VARCHAR NOT NULL
);

CREATE TABLE IF NOT EXISTS detector_settings (
    id       INTEGER NOT NULL,
    applied  TIMESTAMP NOT NULL,
    who      VARCHAR NOT NULL,
    detector VARCHAR NOT NULL,
    params   VARCHAR NOT NULL,        -- JSON
    base     VARCHAR NOT NULL,        -- JSON
    profiles VARCHAR,                 -- JSON; null before there were profiles
    reason   VARCHAR                  -- in the words of who applied it
);

ALTER TABLE detector_settings ADD COLUMN IF NOT EXISTS profiles VARCHAR;
ALTER TABLE detector_settings ADD COLUMN IF NOT EXISTS reason VARCHAR;

-- People's actions on events, one row per event. Events themselves are made from flagged readings.
CREATE TABLE IF NOT EXISTS event_actions (
    reading BIGINT NOT NULL,          -- a flagged reading of the event: the first one at that time
    number  BIGINT NOT NULL,          -- the journal's record
    time    TIMESTAMP NOT NULL,
    who     VARCHAR NOT NULL,
    action  VARCHAR NOT NULL,
    label   VARCHAR NOT NULL,         -- empty for none
    until   TIMESTAMP,                -- shelved until
    note    VARCHAR NOT NULL
);

-- Notes on moments and spans; the removal of one is a further row with the same id.
CREATE TABLE IF NOT EXISTS annotations (
    id      VARCHAR NOT NULL,
    since   TIMESTAMP NOT NULL,
    until   TIMESTAMP NOT NULL,       -- the same as since for a moment
    tags    VARCHAR[] NOT NULL,       -- none for all
    text    VARCHAR NOT NULL,
    who     VARCHAR NOT NULL,
    time    TIMESTAMP NOT NULL,       -- when it was written, or removed
    removed BOOLEAN NOT NULL
);

-- Accounts, API tokens, sessions: every version, the newest of a key counts.
CREATE TABLE IF NOT EXISTS documents (
    collection VARCHAR NOT NULL,
    key        VARCHAR NOT NULL,
    content    VARCHAR NOT NULL,      -- JSON
    who        VARCHAR NOT NULL,
    time       TIMESTAMP NOT NULL,
    removed    BOOLEAN NOT NULL,
    number     BIGINT NOT NULL        -- the journal's record
);

-- What people did, or tried to do; rows are only ever added.
CREATE TABLE IF NOT EXISTS audit (
    time     TIMESTAMP NOT NULL,
    who      VARCHAR NOT NULL,
    verified BOOLEAN NOT NULL,        -- proved by a sign-in, not only typed
    role     VARCHAR NOT NULL,
    address  VARCHAR NOT NULL,
    act      VARCHAR NOT NULL,
    subject  VARCHAR NOT NULL,
    before   VARCHAR NOT NULL,
    after    VARCHAR NOT NULL,
    failure  VARCHAR NOT NULL,        -- empty if it was done
    number   BIGINT NOT NULL          -- the journal's record
);

-- How far each journal has been loaded; moved in the same transaction as its rows.
CREATE TABLE IF NOT EXISTS watermarks (
    writer  VARCHAR PRIMARY KEY,
    number  BIGINT NOT NULL,
    next_id BIGINT NOT NULL
);

-- Running totals for the ledger, moved in the same transaction as the rows they count.
CREATE TABLE IF NOT EXISTS received_totals (
    writer   VARCHAR NOT NULL,
    source   VARCHAR NOT NULL,
    received BIGINT NOT NULL,
    PRIMARY KEY (writer, source)
);

CREATE TABLE IF NOT EXISTS stored_totals (
    source VARCHAR PRIMARY KEY,
    stored BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS rejected_totals (
    source   VARCHAR NOT NULL,
    reason   VARCHAR NOT NULL,
    rejected BIGINT NOT NULL,
    PRIMARY KEY (source, reason)
);

-- Of these, the ones that `rejected` does not list: beyond the first of a request, or too long ago.
CREATE TABLE IF NOT EXISTS rejected_unlisted (
    source   VARCHAR NOT NULL,
    reason   VARCHAR NOT NULL,
    rejected BIGINT NOT NULL,
    PRIMARY KEY (source, reason)
);

CREATE TABLE IF NOT EXISTS latest (
    tag  VARCHAR PRIMARY KEY,
    id   BIGINT NOT NULL,
    time TIMESTAMP NOT NULL,
    n    BIGINT NOT NULL              -- readings learned, including this one
);

-- Answers to requests, by the sender's key or by content; written in the same transaction as their
-- readings.
CREATE TABLE IF NOT EXISTS kept_answers (
    key         VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,       -- digest of the request
    status      INTEGER NOT NULL,
    body        VARCHAR NOT NULL,
    received    TIMESTAMP NOT NULL
);

-- What the values of tags of states stand for; a code keeps its word for good.
CREATE TABLE IF NOT EXISTS state_words (
    tag  VARCHAR NOT NULL,
    code BIGINT NOT NULL,
    word VARCHAR NOT NULL,
    PRIMARY KEY (tag, code)
);

-- What each journal record of an import added to it; its readings have the ids from first_id on.
CREATE TABLE IF NOT EXISTS imported (
    import_id BIGINT NOT NULL,
    number    BIGINT NOT NULL,        -- the journal's record
    first_id  BIGINT NOT NULL,
    stored    BIGINT NOT NULL,
    known     BIGINT NOT NULL,        -- were there already
    rejected  BIGINT NOT NULL,
    flagged   BIGINT NOT NULL,
    since     TIMESTAMP,              -- the first and last time of those stored; null for none
    until     TIMESTAMP
);

-- The imports whose readings were removed.
CREATE TABLE IF NOT EXISTS undone_imports (
    import_id BIGINT PRIMARY KEY,
    who       VARCHAR NOT NULL,
    time      TIMESTAMP NOT NULL,
    readings  BIGINT NOT NULL
);

-- For the ledger: how many of the readings stored were removed so.
CREATE TABLE IF NOT EXISTS undone_totals (
    source VARCHAR PRIMARY KEY,
    undone BIGINT NOT NULL
);

-- The readings with ids up to summarised.upto, by tag, minute and source; kept in step with them. A minute may
-- have several rows, which belong together: of readings that came late, or were summarised later.
CREATE TABLE IF NOT EXISTS minutes (
    tag         VARCHAR NOT NULL,
    minute      TIMESTAMP NOT NULL,
    source      VARCHAR NOT NULL,
    readings    BIGINT NOT NULL,
    good        BIGINT NOT NULL,
    drawn       BIGINT NOT NULL,      -- good or uncertain
    flagged     BIGINT NOT NULL,
    marked      BIGINT NOT NULL,      -- flagged, or of a quality that is not plainly good
    doubtful    BIGINT NOT NULL,      -- uncertain or bad
    learned     BIGINT NOT NULL,      -- the highest n
    first       TIMESTAMP NOT NULL,
    last        TIMESTAMP NOT NULL,
    mean        DOUBLE,               -- of the good values
    squares     DOUBLE,               -- of their distances from this mean, summed
    good_low    DOUBLE,
    good_high   DOUBLE,
    good_first  DOUBLE,
    time_first  TIMESTAMP,            -- of those drawn, like all below
    value_first DOUBLE,
    time_last   TIMESTAMP,
    value_last  DOUBLE,
    time_low    TIMESTAMP,
    value_low   DOUBLE,
    time_high   TIMESTAMP,
    value_high  DOUBLE
);

-- Those of the same readings once more that are flagged or not plainly good, so that finding them reads no
-- others.
CREATE TABLE IF NOT EXISTS marked AS SELECT * FROM readings WITH NO DATA;

-- Up to which id readings are in `minutes` and `marked`: no row while none are.
CREATE TABLE IF NOT EXISTS summarised (
    upto BIGINT NOT NULL
);
