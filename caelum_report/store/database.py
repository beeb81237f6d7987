"""The file: opening it, telling ours from others, transactions, and the one border that `sqlite3.Error` never crosses."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from caelum_report.errors import StoreError

from . import schema

if TYPE_CHECKING:
    from sqlite_utils import Database

BUSY_SECONDS: Final = 30.0

# DELETE and FULL: one writer an hour needs no write-ahead log, and that of SQLite 3.40 can lose commits between two
# connections. secure_delete overwrites what `forget` and `purge` remove.
_SETTINGS: Final = (
    "PRAGMA journal_mode = DELETE",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16000",
)


@contextmanager
def open_store(path: str, *, rescue: bool = False) -> Iterator[sqlite3.Connection]:
    """The database at `path`, made if there is none, brought to this program's schema if it is older.

    Whatever SQLite says inside the block is raised as `StoreError`, with nothing half-written. With `rescue` a damaged
    file is moved aside (never deleted) and a new one begun.
    """
    _create_file(path)
    with translated(path):
        if rescue and damage(path):
            move_aside(path, "damaged")
            _create_file(path)
        with closing(connect(path)) as connection:
            prepare(connection, path)
            yield connection


@contextmanager
def batch(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction for everything in the block; inside another one it is part of that."""
    joins = connection.in_transaction
    if joins:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have rolled back already
            connection.execute("ROLLBACK")
        raise


def connect(path: str) -> sqlite3.Connection:
    """A connection that commits only where `batch` says so."""
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)


@contextmanager
def translated(path: str) -> Iterator[None]:
    """`sqlite3.Error` as a sentence for a person. A mistake in our own SQL is a bug and keeps its traceback."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        sentence = _sentence(path, error)
        if sentence is None:
            raise
        raise StoreError(sentence) from error


def _sentence(path: str, error: sqlite3.DatabaseError) -> str | None:
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return (
                f"{path} is damaged ({error}). Nothing in it was changed. Bring a copy back with "
                "`caelum-report restore COPY`, or move it aside and start anew with `caelum-report build --rescue`"
            )
        case sqlite3.SQLITE_FULL:
            return f"no space left to write {path}; nothing was stored"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"{path} was locked by another program for {BUSY_SECONDS:.0f} seconds; nothing was stored"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return f"{path} cannot be opened for writing: {error}"
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOMEM | sqlite3.SQLITE_TOOBIG:
            return f"{path} cannot be read or written ({error}); nothing of this run was stored"
    return None


# --- making, checking, migrating ------------------------------------------------------------------------------------


def private_folder(folder: Path) -> None:
    """The folder, made for its owner alone where it is missing. One that is there is left as it is."""
    if folder.is_dir():
        return
    private_folder(folder.parent)
    try:
        folder.mkdir(0o700)
    except FileExistsError:  # another run was quicker, or a file is in the way, which the next step will say
        return
    except OSError as error:
        raise StoreError(f"cannot make the folder {folder}: {error.strerror}") from error


def _create_file(path: str) -> None:
    """An empty file that only its owner may read: SQLite alone would ask the umask.

    An existing file is never opened here: closing it would drop the locks of another connection of this process.
    """
    private_folder(Path(path).parent)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        _keep_private(Path(path))
    except OSError as error:
        raise StoreError(f"cannot make {path}: {error.strerror}") from error


def _keep_private(path: Path) -> None:
    found = path.stat()
    if found.st_mode & 0o077 and found.st_uid == os.geteuid():
        path.chmod(0o600)


def prepare(
    connection: sqlite3.Connection,
    path: str,
    tables: Sequence[str] = schema.TABLES,
    migrations: Sequence[Callable[[Database], None]] = schema.MIGRATIONS,
) -> None:
    """Refuses what is not ours or newer than we are, makes what is missing, migrates what is older."""
    newest = 1 + len(migrations)
    version = _version(connection, path)
    if version > newest:
        raise StoreError(
            f"{path} was written by a newer caelum-report (schema {version}, this one knows {newest}); "
            "update caelum-report"
        )
    for setting in _SETTINGS:
        connection.execute(setting)
    if version == 0:
        _create(connection, path, tables, newest)
    elif version < newest:
        _migrate(connection, path, version, migrations)
    _check_tables(connection, path, tables)


def _check_tables(connection: sqlite3.Connection, path: str, tables: Sequence[str]) -> None:
    """A file with our mark but without our tables was written by an unreleased version."""
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    missing = {statement.split()[2] for statement in tables if statement.startswith("CREATE TABLE")} - found
    if missing:
        raise StoreError(
            f"{path} lacks the table {min(missing)}: an unreleased caelum-report wrote it. Move it away to start anew"
        )


def _version(connection: sqlite3.Connection, path: str) -> int:
    """The schema's version; 0 is an empty file. One statement: another run may be making the tables."""
    application, version, objects = connection.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master) "
        "FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if application == schema.APPLICATION_ID and version:
        return int(version)
    if objects or application or version:
        raise StoreError(f"{path} is a database of another program; name another file with --db")
    return 0


def _create(connection: sqlite3.Connection, path: str, tables: Sequence[str], version: int) -> None:
    connection.execute("PRAGMA page_size = 8192")  # packed days are 1 to 2 kB: a fifth less file than with 4096
    with batch(connection):
        if _version(connection, path):  # another run was quicker
            return
        for statement in tables:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")


def _migrate(
    connection: sqlite3.Connection, path: str, version: int, migrations: Sequence[Callable[[Database], None]]
) -> None:
    """A copy beside the file first, then every step in one transaction: all of them or none."""
    from sqlite_utils import Database

    copy = f"{path}.schema-{version}"
    copy_to(connection, copy)
    connection.execute("PRAGMA foreign_keys = OFF")  # a table that is rebuilt is dropped for a moment
    try:
        with batch(connection):
            database = Database(connection)
            for migration in migrations[_version(connection, path) - 1 :]:
                migration(database)
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
            if broken:
                raise StoreError(f"{path} could not be migrated: rows of {broken[0]} lost what they belong to")
            connection.execute(f"PRAGMA user_version = {1 + len(migrations)}")
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


def copy_to(connection: sqlite3.Connection, target: str) -> None:
    """A consistent copy at `target`, complete or not there at all; other connections may read and write meanwhile."""
    unfinished = Path(f"{target}.unfinished")
    unfinished.unlink(missing_ok=True)
    _create_file(str(unfinished))
    try:
        with translated(target), closing(connect(str(unfinished))) as copy:
            connection.backup(copy)
        _synchronise(unfinished)
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def damage(path: str) -> str | None:
    """What is broken in the file, None when nothing is. Reads all of it: some 0.3 s for 100 MB."""
    try:
        with closing(connect(path)) as connection:
            (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if _sentence(path, error) is None or error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise
        return str(error)
    return None if result == "ok" else str(result)


def move_aside(path: str, why: str) -> Path | None:
    """Renames the file, and the journal that belongs to it, to the next free `PATH.WHY-N`; None where there is none."""
    aside = next(free for n in count(1) if not Path(free := f"{path}.{why}-{n}").exists())
    for suffix in ("-journal", ""):  # a journal that stayed behind would be rolled back into the next file
        with suppress(FileNotFoundError):
            Path(path + suffix).rename(aside + suffix)
    return Path(aside) if Path(aside).exists() else None
