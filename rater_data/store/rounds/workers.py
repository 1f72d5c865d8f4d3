"""Who trains: the trainers that were seen lately, and whether they are of the server's release."""

import time

from rater_data.lifecycle import Worker
from rater_data.round_settings import RELEASE, TRAINER_STARTING, WORKERS
from rater_data.store.database.engine import Database
from rater_data.store.database.release import Release, check_same, own_release
from rater_data.store.rounds.settings import read_setting, write_setting

FORGOTTEN_AFTER_S = 24 * 3600.0
STARTING_FOR_S = (
    20.0  # a server says every few seconds that its trainer is starting, until the trainer is heard of
)


class Workers(Database):
    """The trainers of this store."""

    def announce_release(self) -> None:
        """The server that is being started is of this release: trainers of another one refuse to work for it."""
        with self.writing() as connection:
            write_setting(connection, RELEASE, own_release().to_json())

    def check_release(self, own: Release | None = None) -> None:
        """Raises Refused where the server that was started last is of another release than this one (or `own`)."""
        with self.reading() as connection:
            kept = read_setting(connection, RELEASE)
        if kept is not None:
            check_same(own or own_release(), Release.from_json(kept))

    def report_worker(self, name: str, host: str, device: str, release: Release) -> None:
        """This trainer lives. Those that were not seen for a day are forgotten."""
        now = time.time()
        with self.writing() as connection:
            kept = read_setting(connection, WORKERS, {})
            known = {n: w for n, w in kept.items() if w["seen_at"] > now - FORGOTTEN_AFTER_S}
            seen = {"host": host, "device": device, "release": release.to_json(), "seen_at": now}
            write_setting(connection, WORKERS, known | {name: seen})

    def forget_worker(self, name: str) -> None:
        """This trainer has ended."""
        with self.writing() as connection:
            kept = read_setting(connection, WORKERS, {})
            write_setting(connection, WORKERS, {n: w for n, w in kept.items() if n != name})

    def announce_start(self) -> None:
        """A server has started a trainer that was not heard of yet: it loads its libraries first."""
        with self.writing() as connection:
            write_setting(connection, TRAINER_STARTING, time.time())

    def is_trainer_starting(self, now: float) -> bool:
        """Whether a server said a moment ago that its trainer is starting."""
        with self.reading() as connection:
            return now - read_setting(connection, TRAINER_STARTING, 0.0) < STARTING_FOR_S

    def workers(self) -> list[Worker]:
        """The trainers that were seen in the last day and have not said that they ended; the one seen last first."""
        with self.reading() as connection:
            kept = read_setting(connection, WORKERS, {})
        found = [
            Worker(
                name=name,
                host=w["host"],
                device=w["device"],
                release=str(Release.from_json(w["release"])),
                same_release=Release.from_json(w["release"]) == own_release(),
                seen_at=w["seen_at"],
            )
            for name, w in kept.items()
        ]
        return sorted(found, key=lambda worker: -worker.seen_at)
