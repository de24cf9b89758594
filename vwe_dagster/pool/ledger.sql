-- The ledger of a pool. Triggers record a transition whenever a state changes, and reject a step that is not in `legal`.
-- Columns named `..._s` are times of the monotonic clock of the boot in the column `boot`.

CREATE TABLE IF NOT EXISTS legal (
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (before, after)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS slots (
    slot INTEGER PRIMARY KEY,
    token INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'EMPTY',
    kind TEXT,
    detail TEXT NOT NULL DEFAULT '',
    engine TEXT,
    name TEXT UNIQUE,
    handle TEXT,
    address TEXT,
    bearer TEXT,
    digest TEXT,
    boot TEXT,
    started_s REAL,
    expires_s REAL,
    used_s REAL,
    jobs INTEGER NOT NULL DEFAULT 0,
    retiring TEXT,
    holder TEXT,
    held_s REAL,
    deadline_s REAL,
    job TEXT,
    last_error TEXT
);

CREATE TABLE IF NOT EXISTS transitions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    slot INTEGER NOT NULL,
    engine TEXT,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'other',
    detail TEXT NOT NULL,
    holder TEXT,
    token INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS jobs (
    job_id TEXT PRIMARY KEY,
    at TEXT NOT NULL,
    slot INTEGER NOT NULL,
    engine TEXT NOT NULL,
    token INTEGER NOT NULL,
    holder TEXT NOT NULL,
    seed INTEGER NOT NULL,
    size INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'exported', 'failed', 'fenced', 'abandoned')),
    wait_s REAL NOT NULL,
    duration_s REAL,
    error TEXT
);

CREATE TABLE IF NOT EXISTS tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    wanted TEXT,
    holder TEXT NOT NULL,
    lock TEXT NOT NULL,
    boot TEXT NOT NULL,
    since_s REAL NOT NULL,
    seen_s REAL NOT NULL
);

CREATE TABLE IF NOT EXISTS strays (
    engine TEXT PRIMARY KEY
);

CREATE TABLE IF NOT EXISTS metadata (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);

CREATE TRIGGER IF NOT EXISTS only_legal_steps
BEFORE UPDATE OF state ON slots
WHEN new.state IS NOT old.state
    AND NOT EXISTS (SELECT 1 FROM legal WHERE before = old.state AND after = new.state)
BEGIN
    SELECT RAISE(ABORT, 'this is no legal step between states');
END;

CREATE TRIGGER IF NOT EXISTS every_step_is_recorded
AFTER UPDATE OF state ON slots
WHEN new.state IS NOT old.state
BEGIN
    INSERT INTO transitions (at, slot, engine, before, after, kind, detail, holder, token)
    VALUES (
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
        new.slot,
        coalesce(new.engine, old.engine),
        old.state,
        new.state,
        new.kind,
        new.detail,
        coalesce(new.holder, old.holder),
        new.token
    );
END;

CREATE TRIGGER IF NOT EXISTS slots_begin_empty
BEFORE INSERT ON slots
WHEN new.state != 'EMPTY'
BEGIN
    SELECT RAISE(ABORT, 'a slot begins empty');
END;

CREATE TRIGGER IF NOT EXISTS tokens_only_grow
BEFORE UPDATE OF token ON slots
WHEN new.token < old.token
BEGIN
    SELECT RAISE(ABORT, 'a fencing token never goes back');
END;

CREATE TRIGGER IF NOT EXISTS transitions_stay
BEFORE UPDATE ON transitions
BEGIN
    SELECT RAISE(ABORT, 'what happened cannot be changed');
END;

-- Triggers count each record when it is inserted. Pruning records does not change the counts.

CREATE TABLE IF NOT EXISTS step_counts (
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    kind TEXT NOT NULL,
    steps INTEGER NOT NULL,
    PRIMARY KEY (before, after, kind)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS job_counts (
    outcome TEXT PRIMARY KEY,
    jobs INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS bounds (
    at_most_s REAL PRIMARY KEY
) WITHOUT ROWID;

-- `what` is 'wait' or 'duration'. A time is counted under the lowest bound that it does not exceed.
CREATE TABLE IF NOT EXISTS time_counts (
    what TEXT NOT NULL,
    at_most_s REAL NOT NULL,
    times INTEGER NOT NULL,
    total_s REAL NOT NULL,
    PRIMARY KEY (what, at_most_s)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS circuit (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    failures INTEGER NOT NULL DEFAULT 0,
    openings INTEGER NOT NULL DEFAULT 0,
    alerted INTEGER NOT NULL DEFAULT 0,
    slot INTEGER,
    cause TEXT,
    backoff_s REAL NOT NULL DEFAULT 0,
    retry_s REAL NOT NULL DEFAULT 0,
    boot TEXT,
    kills INTEGER NOT NULL DEFAULT 0
);

CREATE TRIGGER IF NOT EXISTS every_step_is_counted
AFTER INSERT ON transitions
BEGIN
    INSERT INTO step_counts (before, after, kind, steps)
    VALUES (new.before, new.after, new.kind, 1)
    ON CONFLICT DO UPDATE SET steps = steps + 1;
END;

CREATE TRIGGER IF NOT EXISTS every_wait_is_counted
AFTER INSERT ON jobs
BEGIN
    INSERT INTO time_counts (what, at_most_s, times, total_s)
    VALUES (
        'wait',
        (SELECT min(at_most_s) FROM bounds WHERE at_most_s >= new.wait_s),
        1,
        new.wait_s
    )
    ON CONFLICT DO UPDATE SET times = times + 1, total_s = total_s + excluded.total_s;
END;

CREATE TRIGGER IF NOT EXISTS every_outcome_is_counted
AFTER UPDATE OF state ON jobs
WHEN old.state = 'running' AND new.state != 'running'
BEGIN
    INSERT INTO job_counts (outcome, jobs) VALUES (new.state, 1)
    ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER IF NOT EXISTS every_duration_is_counted
AFTER UPDATE OF state ON jobs
WHEN old.state = 'running' AND new.state != 'running' AND new.duration_s IS NOT NULL
BEGIN
    INSERT INTO time_counts (what, at_most_s, times, total_s)
    VALUES (
        'duration',
        (SELECT min(at_most_s) FROM bounds WHERE at_most_s >= new.duration_s),
        1,
        new.duration_s
    )
    ON CONFLICT DO UPDATE SET times = times + 1, total_s = total_s + excluded.total_s;
END;
