-- The ledger of a pool. A transition cannot be left out: the database writes it whenever a state changes, and refuses
-- a step that is not in `legal`. Times named `..._s` are of the monotonic clock of the boot named beside them.

CREATE TABLE IF NOT EXISTS legal (
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (before, after)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS slots (
    slot INTEGER PRIMARY KEY,
    token INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'EMPTY',
    cause TEXT NOT NULL DEFAULT '',
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
    cause TEXT NOT NULL,
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
    engine TEXT PRIMARY KEY,
    seen INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE IF NOT EXISTS facts (
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
    INSERT INTO transitions (at, slot, engine, before, after, cause, holder, token)
    VALUES (
        strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
        new.slot,
        coalesce(new.engine, old.engine),
        old.state,
        new.state,
        new.cause,
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
