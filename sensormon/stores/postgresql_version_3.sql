-- From version 2 of the tables to version 3: what other programs read (docs/grafana.md).

-- These views keep their columns when the tables change; a later version that changes what they read makes them
-- again. Whoever may read a view needs no right on the tables.

-- Readings at full resolution. Of a tag of states `value` is null and `state` the word.
CREATE VIEW sensormon_readings AS
SELECT r.time, r.tag, CASE WHEN w.word IS NULL THEN r.value END AS value, w.word AS state,
    CASE r.quality >> 30 WHEN 0 THEN 'good' WHEN 1 THEN 'uncertain' ELSE 'bad' END AS quality,
    r.is_anomaly, r.score, r.threshold, r.expected, r.lower, r.upper, r.detector, r.profile, r.source,
    r.source = 'simulator' AS simulated, r.received, r.id
FROM readings AS r LEFT JOIN state_words AS w ON w.tag = r.tag AND w.code::double precision = r.value;

-- Every reading of numbers once, whatever its age: by itself, or in a minute of a day that was rolled up.
CREATE VIEW sensormon_history AS
SELECT r.time, r.tag, r.value AS low, r.value AS mean, r.value AS high, 1::bigint AS count,
    CASE r.quality >> 30 WHEN 0 THEN 'good' WHEN 1 THEN 'uncertain' ELSE 'bad' END AS quality
FROM readings AS r
WHERE NOT (r.is_anomaly AND EXISTS (SELECT 1 FROM counted_readings AS c WHERE c.id = r.id))
    AND NOT EXISTS (SELECT 1 FROM state_words AS w WHERE w.tag = r.tag)
UNION ALL
SELECT minute, tag, low, mean, high, count,
    CASE quality WHEN 0 THEN 'good' WHEN 1 THEN 'uncertain' ELSE 'bad' END
FROM rollups;

-- The newest reading of each tag.
CREATE VIEW sensormon_latest AS SELECT tag, time, id FROM latest;
