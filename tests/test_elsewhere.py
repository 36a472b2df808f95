"""On other systems: Windows, which lacks half of POSIX, and terminals and files whose encoding is not UTF-8."""

from __future__ import annotations

import ast
import ctypes
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from avslib.cli.main import main, quoted
from avslib.files import write_file
from avslib.ledger import memory

ROOT = Path(__file__).parents[1]
TOY = Path(__file__).parent / "toy.py"
PLACES = ("avslib", "tools", "data_scripts", "benchmarks", "tests")
FILES = [file for place in PLACES for file in sorted((ROOT / place).rglob("*.py"))]

NOT_TEXT = {"os", "Image", "av", "tarfile", "zipfile", "webbrowser"}
"""Whose `open` opens something else than text; so do those of archives, which are told by what they hold."""
MEMBERS = {"member", "archive", "file"}
POSIX_MODULES = {"fcntl", "grp", "posix", "pwd", "resource", "syslog", "termios"}
POSIX_NAMES = {"fork", "forkpty", "geteuid", "getpgid", "getuid", "killpg", "mkfifo", "sched_getaffinity", "setsid",
               "statvfs", "uname", "SIGALRM", "SIGHUP", "SIGKILL", "WNOHANG"}  # fmt: skip


def is_text(call: ast.Call) -> bool:
    """Whether `call` reads or writes text, and leaves its encoding to the machine."""
    named = {keyword.arg for keyword in call.keywords}
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = getattr(getattr(call.func, "value", None), "id", "")
    if name in ("run", "Popen", "check_output"):
        return bool({"text", "universal_newlines"} & named) and "encoding" not in named
    place = {"open": 3 if isinstance(call.func, ast.Name) else 2, "read_text": 0, "write_text": 1}.get(name)
    if place is None or "encoding" in named or len(call.args) > place:
        return False
    return name != "open" or (owner not in NOT_TEXT and _opens_text(call, owner))


def _opens_text(call: ast.Call, owner: str) -> bool:
    """By its mode: of the builtin the second argument, of a path the first. What is no mode opens no file."""
    of_path = isinstance(call.func, ast.Attribute)
    given = [*call.args[0 if of_path else 1 :], *(k.value for k in call.keywords if k.arg == "mode")]
    if not given:
        return not (of_path and owner in MEMBERS) and not (of_path and call.keywords)
    mode = given[0].value if isinstance(given[0], ast.Constant) else None
    return isinstance(mode, str) and set(mode) <= set("rwxat+") and mode != "test"


@pytest.mark.parametrize("code", [
    "open(a)", "open(a, 'w')", "Path(a).open('a')", "a.open(newline='')", "a.read_text()", "a.write_text(b)",
    "a.read_text(errors='replace')", "subprocess.run(a, text=True)", "subprocess.Popen(a, text=True)",
])  # fmt: skip
def test_what_is_looked_for_is_found(code: str) -> None:
    found = ast.parse(code).body[0].value  # type: ignore[attr-defined]
    assert is_text(found) != ("newline" in code)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_text_says_its_encoding(file: Path) -> None:
    """The machine's own may be cp1252 or GBK, and then neither reads the other's files."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    found = [node.lineno for node in nodes if isinstance(node, ast.Call) and is_text(node)]
    assert not found, f'lines {found}: say encoding="utf-8"'


@pytest.mark.parametrize(
    "file",
    [file for file in FILES if file.parts[len(ROOT.parts)] in ("avslib", "data_scripts", "tools")],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_nothing_is_asked_of_posix_alone(file: Path) -> None:
    """Unless it is tried: inside a `try`, or behind hasattr. Not of benchmarks/, which are for Linux machines."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    tried = {node for block in ast.walk(tree) if isinstance(block, ast.Try) for node in ast.walk(block)}
    text = file.read_text(encoding="utf-8")
    for node in set(ast.walk(tree)) - tried:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            assert not names & POSIX_MODULES, f"line {node.lineno}"
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in ("os", "signal"):
            asked = f'hasattr({node.value.id}, "{node.attr}")'  # type: ignore[attr-defined]
            assert node.attr not in POSIX_NAMES or asked in text, f"line {node.lineno}: {node.attr}"


PROGRAM = """
import sys, pkgutil, importlib, warnings
for name in {missing}: sys.modules[name] = None
import avslib
from avslib.cli.main import main
warnings.filterwarnings("error", category=EncodingWarning, module=r"avslib\\.")
def say(*arguments):
    sys.argv = ["avslib", *arguments]
    try:
        main()
    except SystemExit as stopped:
        assert not stopped.code, (arguments, stopped.code)
say("train", {toy!r}, "--data", "toy", "--schedule", "smoke", "--out", "run", "--ledger", "runs")
say("evaluate", "run", "--save", "masks")
say("score", "masks", "--truth", "masks")
say("ledger", "--runs", "runs")
say("mini", "show", "--size", "32")
from avslib.ledger.cost_table import TABLE, cost_table
print(cost_table(entries=TABLE[:1]))
import avslib.ledger.provenance as provenance, torch
print("peak", provenance.peak_memory_mb(torch.device("cpu")))
for module in pkgutil.walk_packages(avslib.__path__, "avslib."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print("all imported")
"""


def test_everything_works_without_posix_and_never_asks_for_the_machine_s_encoding(tmp_path: Path) -> None:
    """Every command and every module, without the modules that Windows lacks."""
    program = PROGRAM.format(missing=sorted(POSIX_MODULES - {"posix"}), toy=str(TOY))
    own = {
        **os.environ,
        "AVSLIB_CACHE": str(tmp_path / "cache"),
    }  # other tests lock theirs with what is missing here
    done = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", program], cwd=tmp_path, env=own, timeout=300,
        capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "all imported" in done.stdout and "1 run" in done.stdout and "TPAVI" in done.stdout
    peak = next(line for line in done.stdout.splitlines() if line.startswith("peak"))
    assert peak == "peak None" if not Path("/proc/self/status").exists() else int(peak.split()[1]) > 50


def test_windows_is_asked_for_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The structure is filled as psapi.h has it: the peak stands 8 bytes behind the start."""

    class Ask:
        def __call__(self, process: int, counters: object, size: int) -> int:
            view = ctypes.cast(counters, ctypes.POINTER(ctypes.c_char * size)).contents
            assert size == 8 + 8 * ctypes.sizeof(ctypes.c_size_t)
            view[8 : 8 + ctypes.sizeof(ctypes.c_size_t)] = (123 * 2**20).to_bytes(8, "little")
            return process == 7

    class Kernel:
        def __init__(self, name: str) -> None:
            assert name == "kernel32"
            self.K32GetProcessMemoryInfo = Ask()

        class GetCurrentProcess:
            restype = None

            def __new__(cls) -> int:  # type: ignore[misc]
                return 7

    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "WinDLL", Kernel, raising=False)
    assert memory.peak_of_process() == 123 * 2**20


@pytest.mark.parametrize("encoding", ["gbk", "cp1252", "ascii"])
@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["train", "--help"], ["mini", "credits"], ["ledger", "--runs", str(ROOT / "results/runs")],
     ["evaluate", "音-é-run"]],
    ids=lambda arguments: ascii(" ".join(arguments[:2])),
)  # fmt: skip
def test_any_output_takes_what_is_said(
    arguments: list[str], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirected output that cannot write every letter."""
    written = io.BytesIO()
    wrappers = [io.TextIOWrapper(written, encoding=encoding, write_through=True) for _ in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", wrappers[0])
        patch.setattr(sys, "stderr", wrappers[1])
        patch.setattr(sys, "argv", ["avslib", *arguments])
        try:
            main()
        except SystemExit as stopped:
            assert stopped.code in (0, None, 2)
        assert len(written.getvalue()) > 50


def test_a_shell_without_any_language(tmp_path: Path) -> None:
    """The real thing: a C locale, redirected, as a cron job has it."""
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONIOENCODING", "LANG")} | plain
    with (tmp_path / "help.txt").open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "avslib.cli", "--help"],
            stdout=file,
            stderr=subprocess.PIPE,
            env=environment,
        )
    assert done.returncode == 0 and done.stderr == b""
    assert b"mini" in (tmp_path / "help.txt").read_bytes()


def test_a_command_to_repeat_is_quoted_as_the_shell_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["avslib", "train", "my method.py"]
    assert quoted(command) == "avslib train 'my method.py'"
    monkeypatch.setattr(os, "name", "nt")
    assert quoted(command) == 'avslib train "my method.py"'


def test_a_file_that_another_program_holds_open_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows does not replace it, where POSIX does."""

    def held(*_: object) -> None:
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(os, "replace", held)
    with pytest.raises(ValueError, match=r"cannot be written \(The process cannot access the file"):
        write_file(tmp_path / "a.csv", b"x")
