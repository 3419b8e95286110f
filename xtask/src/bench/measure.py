"""Runs a command and prints how it went, as JSON: wall and CPU seconds, peak resident memory in MB, exit code."""
import json
import os
import sys
import time

# As many processors as threads: what a program does beside its threads counts too. Children inherit it.
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[2])])
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
start = time.monotonic()
child = os.posix_spawnp(
    sys.argv[3], sys.argv[3:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
)
_, status, usage = os.wait4(child, 0)
print(json.dumps({
    "wall": time.monotonic() - start,
    "cpu": usage.ru_utime + usage.ru_stime,
    "rss": usage.ru_maxrss / 1024,
    "code": os.waitstatus_to_exitcode(status),
}))
