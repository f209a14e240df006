"""The files of deploy/ call `pentad score` as it is today, with a date that a shell can work out, and know its exit codes."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from features.errors import PentadError
from pipeline.cli import _exit_codes, _parser
from pipeline.errors import exit_codes

DEPLOY = Path(__file__).parents[2] / "deploy"
MONTH_END = r'''"\$\(date -d "\$\(date \+%Y-%m-01\) -1 day" \+%F\)"'''


def commands() -> dict[str, str]:
    """The line of every file that calls pentad, as its shell sees it."""
    text = {file.name: file.read_text(encoding="utf-8") for file in DEPLOY.iterdir() if file.is_file()}
    dag = next(call for call in ast.walk(ast.parse(text["airflow_dag.py"])) if isinstance(call, ast.keyword)
               and call.arg == "bash_command")
    line = {"crontab": lambda t: next(row for row in t.splitlines() if "pentad score" in row).replace("\\%", "%"),
            "pentad-score.service": lambda t: re.search(r"ExecStart=/bin/sh -c '(.*)'", t)[1].replace("%%", "%"),
            "cronjob.yaml": lambda t: re.search(r"- (exec .*)", t)[1],
            "airflow_dag.py": lambda t: ast.literal_eval(dag.value)}
    return {name: read(text[name]) for name, read in line.items()}


@pytest.mark.parametrize("name", ["crontab", "pentad-score.service", "cronjob.yaml", "airflow_dag.py"])
def test_the_command_is_one_that_pentad_takes(name):
    command = re.sub(r"\{\{ \(data_interval_end.*?\}\}|" + MONTH_END, "2025-12-31", commands()[name])
    command = re.sub(r"\{\{ params.(\w+) \}\}", r"\1", command)
    words = shlex.split(command[command.index(".venv/bin/pentad"):].split(">>")[0])
    options = _parser().parse_args(words[1:])
    assert words[1] == "score" and options.as_of == "2025-12-31" and options.log_json and options.model == "champion"


@pytest.mark.parametrize("name", ["crontab", "pentad-score.service", "cronjob.yaml"])
def test_the_shell_works_out_the_last_month_end(name):
    found = re.search(MONTH_END, commands()[name])[0].strip('"').replace("$(date +%Y-%m-01)", "2024-03-01")
    said = subprocess.run(["sh", "-c", f'echo "{found}"'], capture_output=True, text=True, check=True).stdout
    assert said == "2024-02-29\n"


@pytest.mark.parametrize("name", ["pentad-score.service", "cronjob.yaml"])
def test_what_another_try_may_mend_is_tried_again_and_nothing_else(name, capsys):
    _exit_codes(None)  # loads every room, so that all failures are known
    capsys.readouterr()
    text = (DEPLOY / name).read_text(encoding="utf-8")
    given = re.search(r"RestartPreventExitStatus=(.*)|values: \[(.*)\]", text)
    final = {int(code) for code in re.findall(r"\d+", given[0].split("=")[-1])}
    known = set(exit_codes(PentadError))
    assert final - {1, 2} <= known
    assert not final & {20, 54, 56, 64}, "databases, stores and disks come back"
