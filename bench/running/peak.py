"""Run a command, and print what it took as JSON: python -S peak.py SECONDS COMMAND...

Processor's seconds, seconds on the clock, peak memory in bytes. A process of its own, and a small one: what
the system calls the peak of a command is at least that of the process that started it. A command that
fails, or takes more than SECONDS of the processor, gives its exit code instead, negative for a signal.
"""

import os
import resource
import sys
import time


def main() -> None:
    """Run it, and print."""
    seconds, command = int(sys.argv[1]), sys.argv[2:]
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        try:
            os.execvp(command[0], command)  # noqa: S606  the commands are the benchmark's own
        finally:
            os._exit(127)
    _, status, used = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code:
        print(f'{{"code": {code}}}')
        return
    scale = 1 if sys.platform == "darwin" else 1024
    clock, processor = time.perf_counter() - start, used.ru_utime + used.ru_stime
    print(f'{{"processor": {processor:.4f}, "clock": {clock:.4f}, "peak": {used.ru_maxrss * scale}}}')


if __name__ == "__main__":
    main()
