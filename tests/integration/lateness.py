"""How long the machine kept this process from what was due: what of a measured time is not the program's that is measured."""

import threading
import time

STEP_S, USUAL_S = 0.02, 0.02


class Lateness:
    """with Lateness() as late: …; late.total_s, late.worst_s at any time."""

    def __enter__(self):
        self.total_s, self.worst_s, self.over = 0.0, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    def watch(self):
        last = time.monotonic()
        while not self.over.wait(STEP_S):
            now = time.monotonic()
            late_s = now - last - STEP_S
            if late_s > USUAL_S:
                self.total_s += late_s
                self.worst_s = max(self.worst_s, late_s)
            last = now

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
