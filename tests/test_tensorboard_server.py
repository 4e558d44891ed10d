"""TensorBoard as a child: one real one seen from its start to its end, and stand-ins for what cannot be had of it."""

import contextlib
import dataclasses
import ipaddress
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import psutil
import pytest
import tensorflow as tf

import tensorboard_server
from settings import UserError
from summaries import events, tags
from tests.common import ROOT
from tests.report.makers import write_events

POINTS = 1_200
PICTURES = 30
TEXTS = 150


def wait_until(holds, *, seconds=30.0):
    """What `holds` returned, once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def is_alive(process):
    """A process that has ended and that nobody has asked after is not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def fetch(url, path):
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url + path, timeout=30) as answer:
        return json.load(answer)


@contextlib.contextmanager
def listening_on(port):
    """Takes a port of localhost (0: any), if it is not taken already, and gives its number."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            taken.bind(("localhost", port))
            taken.listen()
            port = taken.getsockname()[1]
        yield port


def write_run(folder):
    """A training curve, pictures and texts, and evaluations of which a resume has repeated one."""
    write_events(folder, 1, dict.fromkeys(range(POINTS), 0.5), start=0)
    with tf.compat.v1.summary.FileWriter(str(folder)) as writer:
        for step in range(PICTURES):
            image = tf.compat.v1.Summary.Image(encoded_image_string=b"PNG", width=1, height=1)
            value = tf.compat.v1.Summary.Value(tag=tags.INPUT_IMAGES, image=image)
            writer.add_summary(tf.compat.v1.Summary(value=[value]), step)
        for step in range(TEXTS):
            writer.add_summary(events.text(tags.FLAGS, "text"), step)
    write_events(folder / "eval", 1, {100: 0.5, 200: 0.5})
    write_events(folder / "eval", 2, {200: 0.25, 300: 0.125})


def traces(temporary):
    """What a TensorBoard that runs has in the folder of temporary files: its port and process id, its data server's."""
    return [path for path in temporary.rglob("*") if path.name != ".tensorboard-info"]


@dataclasses.dataclass(frozen=True)
class Seen:
    """What could be seen of TensorBoard while it ran beside a block, and what was left of it after."""

    logdir: Path
    lines: list[str]
    url: str
    runs: dict[str, list[str]]
    curves: dict[str, list[tuple[int, float]]]
    num_pictures: int
    num_texts: int
    addresses: list[str]
    left_alive: list[psutil.Process]
    left_behind: list[Path]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """A real TensorBoard, started on the parent of two runs while its default port is taken."""
    logdir, temporary = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("tmp")
    for name in ("a", "b"):
        write_run(logdir / name)
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    others = set(psutil.Process().children(recursive=True))
    with pytest.MonkeyPatch.context() as patch, listening_on(tensorboard_server.DEFAULT_PORT):
        patch.setenv("TMPDIR", str(temporary))
        with tensorboard_server.running(str(logdir), host="localhost", port=None, tell=told.put):
            lines = [told.get(timeout=60)]
            url = lines[0].split()[1].removesuffix(tensorboard_server.FIRST_PAGE)

            def read(plugin, run):
                tag = tags.FLAGS if plugin == "text" else tags.LOSS if plugin == "scalars" else tags.INPUT_IMAGES
                run = urllib.parse.quote(run, safe="")
                return fetch(url, f"data/plugin/{plugin}/{plugin}?run={run}&tag={tag}&sample=0")

            def all_runs():
                """The tags by run, once the last thing written to each can be seen."""
                found = fetch(url, "data/plugin/scalars/tags")
                with contextlib.suppress(urllib.error.HTTPError):
                    last = [read("scalars", run)[-1][1] for run in ("a", "b", "a/eval", "b/eval")]
                    last += [read(plugin, "a")[-1]["step"] for plugin in ("images", "text")]
                    return found if last == [POINTS - 1] * 2 + [300] * 2 + [PICTURES - 1, TEXTS - 1] else None

            runs = {run: list(found) for run, found in wait_until(all_runs).items()}
            curves = {run: [(step, value) for _, step, value in read("scalars", run)] for run in runs}
            num_pictures, num_texts = len(read("images", "a")), len(read("text", "a"))
            family = set(psutil.Process().children(recursive=True)) - others
            connections = [connection for process in family for connection in process.net_connections()]
            listening = [there.laddr.ip for there in connections if there.status == psutil.CONN_LISTEN]
    while not told.empty():
        lines.append(told.get())
    return Seen(
        logdir=logdir,
        lines=lines,
        url=url,
        runs=runs,
        curves=curves,
        num_pictures=num_pictures,
        num_texts=num_texts,
        addresses=listening,
        left_alive=[process for process in family if is_alive(process)],
        left_behind=traces(temporary),
    )


def test_the_one_line_told_has_the_address_and_the_logdir(seen):
    assert seen.lines == [f"TensorBoard: {seen.url}#custom_scalars&_smoothingWeight=0 shows {seen.logdir}"]


def test_another_port_where_the_default_is_taken(seen):
    address = urllib.parse.urlsplit(seen.url)
    assert address.hostname == "localhost"
    assert address.port not in (None, 0, tensorboard_server.DEFAULT_PORT)


def test_it_shows_train_and_validation_of_each_run_of_a_parent_under_one_tag(seen):
    assert seen.runs == {run: [tags.LOSS] for run in ("a", "a/eval", "b", "b/eval")}


def test_evaluations_repeated_after_a_resume_make_one_line(seen):
    assert seen.curves["b/eval"] == [(100, 0.5), (200, 0.25), (300, 0.125)]


def test_more_points_pictures_and_texts_are_kept_than_tensorboard_keeps_by_itself(seen):
    assert len(seen.curves["a"]) == POINTS
    assert seen.num_pictures == PICTURES
    assert seen.num_texts == TEXTS


def test_it_listens_on_localhost_alone(seen):
    assert seen.addresses
    assert all(ipaddress.ip_address(address).is_loopback for address in seen.addresses)


def test_nothing_is_left_of_it_when_the_block_has_ended(seen):
    assert not seen.left_alive
    assert not seen.left_behind


def start_parent(folder, *, grace_seconds=tensorboard_server.GRACE_SECONDS, **environment):
    """A process that shows `folder` until it is killed; its output is what it was told."""
    script = (
        "import sys, tensorboard_server\n"
        f"tensorboard_server.GRACE_SECONDS = {grace_seconds}\n"
        f"with tensorboard_server.running({str(folder)!r}, host='localhost', port=None): sys.stdin.read()\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_nothing_is_left_of_it_when_its_parent_is_killed(tmp_path):
    write_events(tmp_path / "run", 1, {1: 0.5})
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with start_parent(tmp_path / "run", TMPDIR=str(temporary)) as parent:
        assert parent.stdout
        try:
            assert parent.stdout.readline().startswith("TensorBoard: http://localhost:")
            family = psutil.Process(parent.pid).children(recursive=True)
            assert family and traces(temporary)
        finally:
            parent.kill()
    wait_until(lambda: not any(map(is_alive, family)))
    assert not traces(temporary)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Puts a program of a test's own in TensorBoard's place, for half a minute; what comes back finds its process."""

    def put(program):
        package = tmp_path / "packages" / "tensorboard"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        pid = tmp_path / "pid"
        (package / "main.py").write_text(
            f"import http.server, os, pathlib, signal, sys, time\n"
            f"signal.alarm(30)\n"
            f"pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n{program}"
        )
        monkeypatch.setenv("PYTHONPATH", str(package.parent))
        return lambda: psutil.Process(int(wait_until(lambda: pid.exists() and pid.read_text())))

    return put


ANSWERS = """
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        before_it_answers()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass

def before_it_answers():
    pass

print("chatter" * 100_000, flush=True)
server = http.server.HTTPServer(("localhost", 0), Answer)
print(f"TensorBoard 0 at http://localhost:{server.server_port}/ (Press CTRL+C to quit)", flush=True)
"""


def serve(folder, **options):
    tensorboard_server.serve(str(folder), **{"host": "localhost", "port": None, **options})


def running(folder, **options):
    return tensorboard_server.running(str(folder), **{"host": "localhost", "port": None, **options})


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serve_tells_the_address_ends_at_a_signal_and_hides_the_chatter(stand_in, tmp_path, capfd, stop):
    child = stand_in(f"{ANSWERS}\nserver.serve_forever()")
    write_events(tmp_path / "run", 1, {1: 0.5})
    lines: list[str] = []
    processes: list[psutil.Process] = []
    before = signal.getsignal(stop)

    def tell(line):
        lines.append(line)
        processes.append(child())
        groups.append(os.getpgid(processes[0].pid))
        os.kill(os.getpid(), stop)

    groups: list[int] = []
    serve(tmp_path / "run", tell=tell)
    assert len(lines) == 1 and lines[0].startswith("TensorBoard: http://localhost:")
    assert lines[0].endswith(f"0 shows {tmp_path}/run; Ctrl-C ends it")
    assert not is_alive(processes[0])
    # A terminal's Ctrl-C goes to a whole group.
    assert os.getpgid(0) not in groups
    assert signal.getsignal(stop) is before
    assert capfd.readouterr() == ("", "")


def test_the_address_is_told_when_it_answers_and_not_before(stand_in, tmp_path):
    answered = tmp_path / "answered"
    later = f"def before_it_answers(): pathlib.Path({str(answered)!r}).touch()\nserver.serve_forever()"
    stand_in(ANSWERS + later)
    found: queue.SimpleQueue[bool] = queue.SimpleQueue()
    with running(tmp_path, tell=lambda line: found.put(answered.exists())):
        assert found.get(timeout=30)


LISTING = "/data/plugins_listing"


def of_the_listing(action):
    """What a stand-in does when it is asked what its pages are. It writes down what it is asked, in `asked`."""
    return f"""
class Answer(Answer):
    def do_GET(self):
        pathlib.Path(__file__).with_name("asked").open("a").write(self.path + "\\n")
        if self.path == {LISTING!r}:
            {action}
        super().do_GET()

server.RequestHandlerClass = Answer
server.serve_forever()
"""


@pytest.mark.parametrize("action", ["pass", "os._exit(1)", "time.sleep(60)"], ids=["answers", "dies", "is slow"])
def test_the_pages_are_asked_for_once_and_nothing_depends_on_it(stand_in, tmp_path, monkeypatch, action):
    """Or the first page that is opened would be without the projector, which TensorBoard looks for when it is asked."""
    monkeypatch.setattr(tensorboard_server, "_LISTING_SECONDS", 10 if action == "pass" else 0.2)
    stand_in(ANSWERS + of_the_listing(action))
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    with running(tmp_path, tell=told.put):
        assert told.get(timeout=20).startswith("TensorBoard: http://localhost:")
        [asked] = tmp_path.rglob("asked")
        assert asked.read_text().split() == ["/", LISTING]


def test_the_address_of_every_interface_is_told_by_the_name_of_the_machine(stand_in, tmp_path):
    stand_in(ANSWERS.replace("at http://localhost", "at http://0.0.0.0") + "server.serve_forever()")
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    with running(tmp_path, host="0.0.0.0", tell=told.put):
        assert told.get(timeout=30).startswith(f"TensorBoard: http://{socket.gethostname()}:")


def test_an_exception_in_the_block_ends_the_child_and_is_not_covered_up(stand_in, tmp_path):
    child = stand_in("time.sleep(60)")
    lines: list[str] = []

    def fail():
        processes.append(child())
        raise ZeroDivisionError

    processes: list[psutil.Process] = []
    with pytest.raises(ZeroDivisionError), running(tmp_path, tell=lines.append):
        fail()
    assert not is_alive(processes[0])
    assert not lines


def test_a_child_that_does_not_end_is_killed(stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard_server, "GRACE_SECONDS", 0.2)
    child = stand_in("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos._exit = print\ntime.sleep(60)")
    with running(tmp_path):
        process = child()
    assert not is_alive(process)


def test_a_child_that_does_not_end_kills_itself_when_its_parent_is_gone(stand_in, tmp_path):
    """As the one above, with nobody left to kill it, and TensorBoard not yet answering."""
    child = stand_in("signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)")
    with start_parent(tmp_path, grace_seconds=0.2) as parent:
        process = child()
        parent.kill()
    wait_until(lambda: not is_alive(process), seconds=10)


DIES = "print('chatter')\nfor line in 'bcd': print(line * 3, file=sys.stderr)\nsys.exit(7)"


def test_serve_says_in_one_line_how_the_child_died(stand_in, tmp_path):
    stand_in(DIES)
    with pytest.raises(UserError) as raised:
        serve(tmp_path, tell=lambda line: None)
    message = str(raised.value)
    assert message.startswith(
        "TensorBoard ended with exit status 7 and said last: bbb | ccc | ddd; to see all it says: "
    )
    assert f"-m tensorboard.main --logdir={tmp_path} " in message
    assert "\n" not in message and "chatter" not in message


def test_serve_says_so_when_the_child_dies_later(stand_in, tmp_path):
    """It has said more meanwhile than a pipe holds."""
    dies = "print('more' * 100_000)\nprint('last', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    stand_in(f"{ANSWERS}\nserver.handle_request()\nserver.handle_request()\n{dies}")
    lines: list[str] = []
    write_events(tmp_path, 1, {1: 0.5})
    with pytest.raises(UserError, match="^TensorBoard ended with SIGKILL and said last: .*more | last; "):
        serve(tmp_path, tell=lines.append)
    assert len(lines) == 1


def test_training_goes_on_when_the_child_dies(stand_in, tmp_path):
    stand_in(DIES)
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    with running(tmp_path, tell=told.put):
        line = told.get(timeout=30)
    assert line.startswith("TensorBoard ended with exit status 7 and said last: bbb | ccc | ddd; ")
    assert line.endswith("; training goes on")
    assert told.empty()


def test_a_child_that_does_not_answer_is_given_up(stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard_server, "_ANSWER_SECONDS", 0.2)
    stand_in(f"{ANSWERS}\ntime.sleep(60)")
    with pytest.raises(UserError, match=r"SIGKILL and said last: .*no answer from http://localhost:\d+/ \(timed out\)"):
        serve(tmp_path, tell=lambda line: None)


def enter(folder, **options):
    with running(folder, **options):
        pass


@pytest.mark.parametrize("start", [serve, enter])
def test_a_port_asked_for_and_taken(stand_in, start, tmp_path):
    stand_in(DIES)
    with listening_on(0) as port, pytest.raises(UserError, match=rf"^--tensorboard_port={port} is taken; give another"):
        start(tmp_path, port=port, tell=lambda line: None)


TELLS_ARGUMENTS = "print(*sys.argv[1:], flush=True)\nsys.exit(1)"


def test_a_logdir_a_host_and_a_port_asked_for_are_those_used(stand_in, tmp_path, monkeypatch):
    stand_in(TELLS_ARGUMENTS)
    (tmp_path / "~").mkdir()
    monkeypatch.chdir(tmp_path)
    with listening_on(0) as port:
        pass
    with pytest.raises(UserError, match=f"said last: --logdir={tmp_path}/~ --host=127.0.0.1 --port={port} "):
        serve("~", host="127.0.0.1", port=port, tell=lambda line: None)


@pytest.mark.parametrize(("taken", "asked_for"), [(False, "default"), (True, "0")])
def test_the_default_port_is_asked_for_where_it_is_free(stand_in, tmp_path, monkeypatch, taken, asked_for):
    stand_in(TELLS_ARGUMENTS)
    with contextlib.ExitStack() as until_end:
        with listening_on(0) as port:
            pass
        if taken:
            port = until_end.enter_context(listening_on(0))
        monkeypatch.setattr(tensorboard_server, "DEFAULT_PORT", port)
        with pytest.raises(UserError, match=f"said last: .* --port={asked_for} "):
            serve(tmp_path, tell=lambda line: None)


def test_the_folder_that_the_user_is_in_adds_no_modules(stand_in, tmp_path, monkeypatch):
    stand_in(DIES)
    (tmp_path / "tensorboard.py").write_text("raise ImportError('of another program')")
    (tmp_path / "runpy.py").write_text("raise ImportError('of another program')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="said last: bbb"):
        serve(tmp_path, tell=lambda line: None)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("203.0.113.7", r"TensorBoard cannot listen at --tensorboard_host=203\.0\.113\.7, port 6006 \(.+\); give an"),
        ("", "--tensorboard_host is empty; give an address of this machine, or leave it out for localhost"),
    ],
)
def test_a_host_that_this_machine_does_not_have(stand_in, tmp_path, host, message):
    stand_in(DIES)
    with pytest.raises(UserError, match=f"^{message}"):
        serve(tmp_path, host=host, tell=lambda line: None)


def test_a_folder_without_runs_is_told_of_and_shown(stand_in, tmp_path):
    stand_in(DIES)
    lines: list[str] = []
    with pytest.raises(UserError):
        serve(tmp_path, tell=lines.append)
    assert lines == [f"No event files in {tmp_path} yet; what runs write there will be shown."]


def test_event_files_are_found_behind_links_too(stand_in, tmp_path):
    stand_in(DIES)
    write_events(tmp_path / "elsewhere", 1, {1: 0.5})
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "linked").symlink_to(tmp_path / "elsewhere")
    lines: list[str] = []
    with pytest.raises(UserError):
        serve(tmp_path / "runs", tell=lines.append)
    assert not lines


@pytest.mark.parametrize("kind", ["nothing", "file"])
def test_a_logdir_that_is_no_folder(tmp_path, kind):
    path = tmp_path / kind
    if kind == "file":
        path.touch()
    with pytest.raises(UserError, match=rf"^cannot read --model_dir={path} \(No.*\); name a run's directory"):
        serve(path)
