"""The files of deploy/ call `pentad score` as it is today, with a date that a shell can work out, and know its exit codes."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import _parser

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
#: The book's database, the tracking store, a disk that is full or not there, the sink.
COMES_BACK = {20, 54, 56, 64}
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
    words = shlex.split(command[command.index(".venv/bin/pentad"):].split(" > ")[0])
    options = _parser().parse_args(words[1:])
    assert words[1] == "score" and options.as_of == "2025-12-31" and options.log_json and options.model == "champion"


@pytest.mark.parametrize("name", ["crontab", "pentad-score.service", "cronjob.yaml"])
def test_the_shell_works_out_the_last_month_end(name):
    found = re.search(MONTH_END, commands()[name])[0].strip('"').replace("$(date +%Y-%m-01)", "2024-03-01")
    said = subprocess.run(["sh", "-c", f'echo "{found}"'], capture_output=True, text=True, check=True).stdout
    assert said == "2024-02-29\n"


@pytest.mark.parametrize("name", ["pentad-score.service", "cronjob.yaml"])
def test_every_failure_is_final_or_one_that_another_try_may_mend(name):
    modules = "\n".join(file.read_text(encoding="utf-8") for room in ("features", "models", "pipeline")
                        for file in (ROOT / room).rglob("*.py"))
    known = {int(code) for code in re.findall(r"(?m)^    exit_code = (\d+)$", modules)}
    text = (DEPLOY / name).read_text(encoding="utf-8")
    given = re.search(r"RestartPreventExitStatus=(.*)|values: \[([\d, \n]*)\]", text)
    final = [int(code) for code in re.findall(r"\d+", given[0])]
    assert final == sorted({2} | known - COMES_BACK) and known > COMES_BACK, "Kubernetes wants them in order, each once"


@pytest.mark.parametrize("is_there", [True, False])
def test_cron_has_to_mail_what_a_failed_run_said_and_nothing_of_one_that_did_well(is_there, tmp_path):
    place = tmp_path / "pentad"
    place.joinpath(".venv", "bin").mkdir(parents=True)
    if is_there:
        program = 'echo "scored $3"; echo "{}" >&2\n'
    else:
        program = f'exec env PYTHONPATH="{ROOT}" "{sys.executable}" -m pipeline.cli validate "$2" "$3"\n'
    script = place / ".venv" / "bin" / "pentad"
    script.write_text(f"#!/bin/sh\n{program}", encoding="utf-8")
    script.chmod(0o755)
    mailed = subprocess.run(["sh", "-c", commands()["crontab"].removeprefix("10 3 2 * * ")], capture_output=True, text=True,
                            env=os.environ | {"PENTAD": str(place), "BOOK": str(tmp_path / "no book")})
    said = (place / "runs" / "score.log").read_text(encoding="utf-8")
    if is_there:
        assert mailed.stdout + mailed.stderr == "" and said == f"scored {tmp_path}/no book\n{{}}\n"
    else:
        assert mailed.stdout == said and f"pentad: NoBook: {tmp_path}/no book: nothing there" in said
