-- From version 3 of the tables to version 4: readings from a bus.

-- What the detectors of a partition of the bus remember, written with the readings that they learned.
CREATE TABLE bus_partitions (
    writer   text PRIMARY KEY,
    stream   text NOT NULL,           -- which stream the partition's watermark counts in
    settings integer NOT NULL,        -- the detector settings under which it was written
    memory   bytea NOT NULL           -- see ingest/detector_state.py
);
