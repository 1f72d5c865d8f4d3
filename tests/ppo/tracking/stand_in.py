"""A tracker by accelerate's interface that keeps what it is told."""

import threading

from accelerate.tracking import GeneralTracker


class Remembering(GeneralTracker):
    """`fails_at`: the step at which `log` raises; `hangs`: waits there until it is set."""

    name = "remembering"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, run, config, told, fails_at=None, hangs: threading.Event | None = None):
        super().__init__()
        self.told, self.fails_at, self.hangs = told, fails_at, hangs
        self.told.append(("run", run, config))

    @property
    def tracker(self):
        return None

    def log(self, values, step=None, **_more):
        if step == self.fails_at:
            if self.hangs is not None:
                self.hangs.wait()
            raise ConnectionError("the tracker's server is gone\nat 10.0.0.1")
        self.told.append(("log", step, values))

    def finish(self):
        self.told.append(("finish",))


class Choice:
    """As a TrackerChoice: opens the stand-in."""

    kind = "remembering"

    def __init__(self, **settings):
        self.told, self.settings = [], settings

    def open(self, run, config):
        return Remembering(run, config, self.told, **self.settings)
