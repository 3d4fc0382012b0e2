"""Starts an application in a process group of its own, asks it over HTTP, ends it.

Arguments: GROUP-FILE COMMAND [PATH HOST STATUS ["Header: value"]... [-- WARM-PATH...]]
"""
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

START = 60  # seconds until the first answer
PATIENCE = 5  # seconds more, until it is the wanted one

group_file, command, asked = sys.argv[1], sys.argv[2], sys.argv[3:]
warm = asked[asked.index("--") + 1 :] if "--" in asked else []
wanted = asked[: asked.index("--")] if "--" in asked else asked
path, host, status_wanted = (wanted[0], wanted[1], int(wanted[2])) if wanted else ("/", None, None)
headers = [line.partition(": ")[::2] for line in wanted[3:]]
started = time.monotonic()

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
bind = "127.0.0.1:%d" % port


INTERRUPTIONS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def stop(*_):
    raise SystemExit("the rehearsal was interrupted")


# Held back until the application is known by its process: else an interruption in between would leave it running.
signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTIONS)
for number in INTERRUPTIONS:
    signal.signal(number, stop)


def listen():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTIONS)


def ask(path):
    """The answer to one GET, never followed: (status, location, start of the body). Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest("GET", path, skip_host=True)
        for name, value in [("Host", host or bind), ("User-Agent", "orchestrate"), ("Connection", "close"), *headers]:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location"), answer.read(2000).decode("utf-8", "replace")
    finally:
        connection.close()


def rehearse(process):
    """What went wrong, as a sentence; None where all was well."""
    url = "http://%s%s (Host: %s)" % (bind, path, host or bind)
    until = started + START
    answered = False
    while True:
        began = ""
        code = process.poll()
        if code is not None:
            how = "exit code %d" % code if code >= 0 else "signal %d" % -code
            return "the application ended (%s) before it answered well; the command must stay in the foreground" % how
        try:
            status, location, body = ask(path)
        except (OSError, http.client.HTTPException) as error:
            last = "%s: no answer: %s" % (url, error)
        else:
            if status_wanted in (None, status):
                break
            last = "%s answered %d where %d was wanted" % (url, status, status_wanted)
            if location:
                last += ", a redirect to %s" % location
            if body.strip():
                began = "the answer began:\n%s\n" % body.strip()[:600]
            if 300 <= status < 400 or status == 400:
                # A redirect, or a Host that Django does not allow: waiting mends neither.
                return began + last
            if not answered:
                answered, until = True, time.monotonic() + PATIENCE
        if time.monotonic() >= until:
            return "%safter %.0f s: %s" % (began, time.monotonic() - started, last)
        # What answers is asked less often: each wrong answer writes a line to the log that a person will read.
        time.sleep(0.5 if answered else 0.1)
    for each in warm:
        try:
            ask(each)
        except (OSError, http.client.HTTPException) as error:
            return "http://%s%s (warm-up): no answer: %s" % (bind, each, error)
    return None


def end(process):
    """Ends the whole group, gently and then not, and whoever left it to become a daemon."""
    for number in INTERRUPTIONS:
        signal.signal(number, signal.SIG_IGN)
    for number, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 3)):
        try:
            os.killpg(process.pid, number)
            give_up = time.monotonic() + patience
            while time.monotonic() < give_up:
                reap()
                os.killpg(process.pid, 0)
                time.sleep(0.02)
        except ProcessLookupError:
            break
    for daemon in children():
        os.kill(daemon, signal.SIGKILL)
    reap()


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def children():
    """Processes whose parent we are; with `adopt`, also those that a child of ours left behind."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as file:
                    if int(file.read().rpartition(")")[2].split()[1]) == os.getpid():
                        yield int(entry)
            except OSError:
                pass


def adopt():
    """PR_SET_CHILD_SUBREAPER: what loses its parent becomes our child, not the system's."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


adopt()
with tempfile.TemporaryFile() as log:
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        env={**os.environ, "BIND": bind},
        preexec_fn=listen,
    )
    problem = "the rehearsal was interrupted"
    try:
        with open(group_file, "w") as file:
            file.write("%d\n" % process.pid)
        listen()
        problem = rehearse(process)
    finally:
        said = os.fstat(log.fileno()).st_size
        end(process)
        open(group_file, "w").close()
        if problem is not None:
            # Only what it said before it was told to end.
            start = max(0, said - 8192)
            log.seek(start)
            lines = log.read(said - start).decode("utf-8", "replace").splitlines()[-20:]
            print("\n".join(["the application's last lines:", *lines, problem] if lines else [problem]), file=sys.stderr)
    if problem is not None:
        sys.exit(1)
answer = "answers" if status_wanted is None else "answers %d on %s" % (status_wanted, path)
print("it starts and %s after %.1f s" % (answer, time.monotonic() - started))
