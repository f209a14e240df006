"""What a user meets when something is wrong: one clear line, an exit code, and nothing spoiled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from desk import the_line, tiny_book, write_book, write_settings

import pipeline
from pipeline.settings import RANGES

ROOT = Path(pipeline.__file__).parents[1]


def cut(file: str, share: float = 0.5):
    """Cut the end of a file off."""

    def spoil(book: Path) -> None:
        whole = (book / file).read_bytes()
        (book / file).write_bytes(whole[: int(len(whole) * share)])

    return spoil


def edit(file: str, old: str, new: str):
    """Replace a text where it comes first."""

    def spoil(book: Path) -> None:
        text = (book / file).read_text(encoding="utf-8")
        assert old in text
        (book / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def append(file: str, line: str):
    """Add a line at the end."""

    def spoil(book: Path) -> None:
        with (book / file).open("a", encoding="utf-8") as handle:
            handle.write(line + "\n")

    return spoil


def as_gbk(book: Path) -> None:
    text = (book / "customers.csv").read_text(encoding="utf-8").replace("C007,steel", "C007,钢铁")
    (book / "customers.csv").write_bytes(text.encode("gbk"))


def rename(file: str, new: str):
    """Give a file another name."""
    return lambda book: (book / file).rename(book / new)


def no_parquet(book: Path) -> None:
    (book / "loans.csv").rename(book / "loans.parquet")


#: what is done to the book -> exit code, name of the failure, and words of its line
STOPPED = {
    "a table is missing": (lambda book: (book / "loans.csv").unlink(), 10, "NoBook", ("no table loans", "data/README.md")),
    "a file is empty": (cut("loans.csv", 0), 11, "UnreadableFile", ("loans.csv", "an empty file")),
    "a file is GBK": (as_gbk, 11, "UnreadableFile", ("customers.csv", "near line 9", "UTF-8", "GBK")),
    "a file only says it is Parquet": (no_parquet, 11, "UnreadableFile", ("loans.parquet", "deliver the file again")),
    "a row is too short": (append("loans.csv", "L999,C001"), 11, "UnreadableFile", ("loans.csv",)),
    "a row is too long": (append("customers.csv", "C9,steel,,x,y,z"), 11, "UnreadableFile", ("customers.csv",)),
    "a column is missing": (edit("repayments.csv", "due_on", "due"), 12, "BrokenTable", ("no column due_on", "found: ")),
    "a key comes twice": (append("customers.csv", "C001,steel,"), 12, "BrokenTable", ("duplicate key", "C001 (2 times)")),
    "a column is in capitals": (edit("customers.csv", "group_id", "GROUP_ID"), 12, "BrokenTable",
                               ("customers.csv", "column 'GROUP_ID' is not spelt group_id", "Rename it")),
    "a file is in capitals": (rename("loans.csv", "Loans.csv"), 12, "BrokenTable", ("Loans.csv is not read", "loans.csv")),
    "a file is packed": (rename("labels.csv", "labels.csv.gz"), 12, "BrokenTable", ("labels.csv.gz is not read", "unpacked")),
    "a folder of parts": (lambda book: ((book / "loans.csv").unlink(), (book / "loans.csv").mkdir()), 11, "UnreadableFile",
                          ("loans.csv", "a folder", "as one file")),
    "a column has no name": (edit("loans.csv", "product,", ","), 12, "BrokenTable",
                             ("column 3 of 8 has no name", "leave it out")),
    "two currencies": (edit("loans.csv", "CNY", "USD"), 12, "BrokenTable", ("2 currencies", "CNY (59 loans)")),
}

#: what is done to the book -> the reason in the report of rejects
REJECTED = {
    "a date is no date": (edit("loans.csv", "term,CNY,2022-", "term,CNY,2022/13/"), "signed_on is not a date"),
    "a payment before its loan was signed": (edit("repayments.csv", "L001,1,1,2022-", "L001,1,1,2021-"),
                                             "due_on is before the loan's signed_on"),
    "a negative amount": (append("repayments.csv", "L001,90,1,2025-01-01,-5.00,1.00,,"), "principal_due is negative"),
    "an absurd amount": (append("repayments.csv", "L001,90,1,2025-01-01,99999999999999.00,1.00,,"), "principal_due is absurd"),
    "an unknown type": (edit("labels.csv", ",risk,", ",golden,"), "type is not one of risk, churn"),
    "a label of nobody": (append("labels.csv", "C404,2024-06-30,risk,a1,2025-01-31"), "customer_id is not a kept row"),
    "a repayment of nobody's loan": (append("repayments.csv", "L404,1,1,2025-01-01,5.00,1.00,,"), "loan_id is not a kept row"),
}


@pytest.mark.parametrize("case", STOPPED)
def test_a_broken_book_stops_validate_and_train_with_one_clear_line(case, spoiled, desk, capsys):
    spoil, code, name, words = STOPPED[case]
    spoil(spoiled)
    for run in (desk.validate, desk.train):
        assert run(spoiled) == code
        line = the_line(capsys)
        assert line.startswith(f"pentad: {name}: {spoiled}")
        assert all(word in line for word in words), line
    assert desk.score(spoiled, "--model", "challenger") == 52, "nothing may have been registered"


def test_no_book_at_all_is_said_by_every_command_that_reads_one(trained, tmp_path, capsys):
    for run in (trained.validate, trained.train, lambda book: trained.score(book, "--model", "1")):
        for place in (tmp_path / "nowhere", tmp_path):
            assert run(place) == 10
            assert str(place) in the_line(capsys)


def test_a_broken_book_leaves_the_assignments_and_rejects_of_before_alone(trained, book, spoiled, capsys):
    assert trained.score(book, "--model", "1", as_of="2024-11-30") == 0
    trained.rejects.mkdir(exist_ok=True)
    (trained.rejects / "loans.csv").write_text("loan_id,reason\nof,before\n", encoding="utf-8")
    before = trained.partition("2024-11-30").read_bytes()
    capsys.readouterr()
    append("customers.csv", ",nobody,")(spoiled)
    cut("repayments.csv", 0)(spoiled)
    assert trained.score(spoiled, "--model", "1", "--restate", "r", as_of="2024-11-30") == 11
    assert "repayments.csv" in the_line(capsys)
    assert trained.partition("2024-11-30").read_bytes() == before
    assert [f.name for f in trained.partition("2024-11-30").parent.glob("assignments*")] == ["assignments.parquet"]
    assert {f.name: f.read_text(encoding="utf-8") for f in trained.rejects.iterdir()} == {
        "loans.csv": "loan_id,reason\nof,before\n"}


@pytest.mark.parametrize("case", REJECTED)
def test_validate_lists_a_breach_and_keeps_the_row_with_its_reason(case, spoiled, desk, capsys):
    spoil, reason = REJECTED[case]
    spoil(spoiled)
    assert desk.validate(spoiled) == 14
    said = capsys.readouterr()
    assert reason in said.out
    assert said.err.startswith("pentad: BreachesFound: ")
    assert said.err.count("\n") == 1
    (first, *_) = [file for file in desk.rejects.iterdir() if reason in file.read_text(encoding="utf-8")]
    assert first.suffix == ".csv"


def test_a_whole_book_has_nothing_to_say(book, desk, capsys):
    assert desk.validate(book) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "every row keeps its rules" in said.out
    assert not desk.rejects.exists()


def test_too_many_rejects_stop_training_and_scoring_and_the_rows_can_be_seen(trained, spoiled, capsys):
    labels = spoiled / "labels.csv"
    labels.write_text(labels.read_text(encoding="utf-8").replace(",stable,", ",golden,"), encoding="utf-8")
    for run in (trained.train, lambda book: trained.score(book, "--model", "1")):
        assert run(spoiled) == 13
        line = the_line(capsys)
        assert "120 read = 96 kept + 24 rejected" in line
        assert "reject_share_limit (0.05)" in line
        assert len((trained.rejects / "labels.csv").read_text(encoding="utf-8").splitlines()) == 1 + 24


def test_a_date_before_everything_is_named_beside_the_first_loan(trained, book, capsys):
    assert trained.score(book, "--model", "1", as_of="1999-12-31") == 15
    assert "nothing is known on 1999-12-31: the first loan was signed on 2022-01-1" in the_line(capsys)
    assert not trained.partition("1999-12-31").parents[1].exists()


def test_a_date_on_which_nobody_owes_anything_scores_nobody(trained, tmp_path, capsys):
    tables = tiny_book()
    keep = tables["customers"]["customer_id"] == "C001"  # a churn customer: all repaid by 2024
    loans = tables["loans"]["loan_id"] == "L001"
    due = (tables["repayments"]["loan_id"] == "L001").to_numpy()
    repaid = tables["repayments"][due].copy()
    repaid["amount_paid"] = "99999.00"
    book = write_book({"customers": tables["customers"][keep], "loans": tables["loans"][loans], "repayments": repaid},
                      tmp_path / "repaid")
    assert trained.score(book, "--model", "1", as_of="2029-12-31") == 53
    assert "none of 1 customers has an active loan on 2029-12-31" in the_line(capsys)
    assert not trained.partition("2029-12-31").parents[1].exists()


@pytest.mark.parametrize("n_left", [0, 1])
def test_a_type_with_one_label_or_none_is_too_few_and_named(n_left, spoiled, desk, capsys):
    labels = tiny_book()["labels"]
    growth = labels["type"] == "growth"
    few = labels["customer_id"].isin(labels.loc[growth, "customer_id"].unique()[:n_left])
    labels[~growth | few].to_csv(spoiled / "labels.csv", index=False)
    assert desk.train(spoiled) == 32
    line = the_line(capsys)
    assert "TooFewLabels" in line
    assert "growth" in line
    assert desk.score(spoiled, "--model", "challenger") == 52, "nothing may have been registered"


def test_no_labels_table_and_no_label_by_then_are_no_labels(spoiled, book, desk, capsys):
    assert desk.train(book, "--until", "2020-01-01") == 51
    assert "no label given by 2020-01-01" in the_line(capsys)
    (spoiled / "labels.csv").unlink()
    assert desk.train(spoiled) == 51
    assert "no labels table" in the_line(capsys)


def test_hindsight_on_a_date_without_loans_is_named(book, desk, capsys):
    assert desk.train(book, "--labels", "hindsight", "--as-of", "2001-01-31", "--until", "2024-12-31") in (15, 51)
    assert "2001-01-31" in the_line(capsys)


@pytest.mark.parametrize("dates", [(), ("--as-of", "2024-06-30"), ("--until", "2024-06-30"),
                                   ("--as-of", "2024-06-30", "--until", "2024-06-30")])
def test_hindsight_without_two_dates_in_order_is_a_usage_error(dates, book, desk, capsys):
    assert desk.train(book, "--labels", "hindsight", *dates) == 2
    assert "--as-of DATE and a later --until DATE" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [
    (), ("dance",), ("score", "--data", "x"), ("score", "--data", "x", "--as-of", "yesterday"),
    ("score", "--data", "x", "--as-of", "2024-02-30"), ("promote", "--by", "b"), ("train",),
    ("simulate", "--out", "x", "--customers", "0"), ("simulate", "--out", "x", "--customers", "many"),
    ("train", "--data", "x", "--labels", "guesses"), ("simulate", "--out", "."), ("simulate", "--out", ".."),
    ("import", "worldbank", "f.csv", "--out", "."), ("promote", "--by", "", "--reason", "r"),
    ("promote", "--by", "b", "--reason", " \t"),
], ids=" ".join)
def test_a_command_that_cannot_be_understood_is_a_usage_error(arguments, desk, capsys):
    with pytest.raises(SystemExit) as end:
        desk.run(*arguments)
    assert end.value.code == 2
    assert "usage: pentad" in capsys.readouterr().err


def test_scoring_before_any_promotion_says_what_to_run(desk, book, capsys):
    for model, todo in (("champion", "pentad promote"), ("challenger", "pentad train"), ("7", "pentad train")):
        assert desk.score(book, "--model", model) == 52
        err = capsys.readouterr().err.splitlines()[-1]
        assert err.startswith("pentad: NoModel: ")
        assert todo in err
    assert desk.run("promote", "--reason", "r", "--by", "b") == 52
    assert not desk.out.exists()


def test_a_store_that_cannot_be_opened_is_named(desk, book, monkeypatch, tmp_path, capsys):
    (tmp_path / "a_file").write_bytes(b"")
    monkeypatch.setenv("PENTAD_TRACKING_URI", f"sqlite:///{tmp_path}/a_file/mlflow.db")
    assert desk.score(book, "--model", "1") == 54
    assert "StoreUnavailable" in capsys.readouterr().err


def test_a_model_whose_files_were_touched_is_not_used(trained, book, tmp_path, capsys):
    (model,) = (trained.folder / "store").rglob("segmenter/model.ubj")
    whole = model.read_bytes()
    try:
        model.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert trained.run("score", "--data", book, "--as-of", "2024-12-31", "--model", "1", "--out", tmp_path / "out") >= 10
        assert "BrokenModel" in the_line(capsys)
    finally:
        model.write_bytes(whole)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("spoil", "code"), [(cut("loans.csv", 0), 11), (edit("labels.csv", ",risk,", ",golden,"), 14)])
def test_a_process_of_its_own_exits_with_the_code_and_one_line(spoil, code, spoiled, tmp_path):
    spoil(spoiled)
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "validate", "--data", spoiled, "--rejects", tmp_path / "rejects"],
        cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == code
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_is_no_database_is_named_before_the_work_begins(desk, book, capsys):
    (desk.folder / "store").mkdir()
    (desk.folder / "store" / "mlflow.db").write_bytes(b"this is not a database" * 100)
    assert desk.train(book) == 54
    said = capsys.readouterr()
    assert "StoreUnavailable" in said.err
    assert "fit:" not in said.out


def test_a_book_that_ends_years_before_the_date_is_not_scored(trained, book, capsys):
    assert trained.score(book, "--model", "1", as_of="2026-06-30") == 55
    assert "the last fact is of 2025-06" in the_line(capsys)
    assert not trained.partition("2026-06-30").parents[1].exists()


def test_one_table_given_as_the_book_is_told_to_give_its_folder(book, desk, capsys):
    assert desk.validate(book / "loans.csv") == 10
    assert "Give the folder that holds it" in the_line(capsys)


@pytest.mark.parametrize(("wrong", "said"), [
    (("--months", "23"), "at least 24"), (("--months", "99999"), "more than 600"), (("--customers", "0"), "at least 1"),
    (("--seed", "-1"), "at least 0"),
])
def test_an_impossible_size_of_a_synthetic_book_is_a_usage_error(wrong, said, desk, capsys):
    with pytest.raises(SystemExit) as left:
        desk.run("simulate", *wrong, "--out", desk.folder / "new")
    assert left.value.code == 2
    assert said in capsys.readouterr().err
    assert not (desk.folder / "new").exists()


def test_rejects_into_the_book_itself_are_refused_and_the_book_is_left_alone(book, spoiled, desk, capsys):
    before = {file.name: file.read_bytes() for file in spoiled.iterdir()}
    for command, more in (("validate", ()), ("train", ())):
        assert desk.run(command, "--data", spoiled, "--rejects", spoiled, *more) == 16
        assert f"OutputExists: {spoiled}: the delivered tables lie there" in the_line(capsys)
    assert desk.run("validate", "--data", book, "--rejects", spoiled) == 16
    assert f"OutputExists: {spoiled / 'customers.csv'}" in the_line(capsys)
    assert {file.name: file.read_bytes() for file in spoiled.iterdir()} == before


def test_validate_lists_every_broken_table_and_every_breach_and_ends_with_the_first_fault(spoiled, desk, capsys):
    append("customers.csv", "C901,steel,,soon")(spoiled)
    edit("customers.csv", "group_id", "group_id,founded_on")(spoiled)
    rows = (spoiled / "customers.csv").read_text(encoding="utf-8").splitlines()
    (spoiled / "customers.csv").write_text("\n".join([rows[0], *(f"{row}," for row in rows[1:-1]), rows[-1]]) + "\n",
                                           encoding="utf-8")
    edit("repayments.csv", "due_on", "due")(spoiled)
    edit("labels.csv", "type", "kind")(spoiled)
    assert desk.validate(spoiled) == 12
    said = capsys.readouterr()
    assert said.err.startswith(f"pentad: BrokenTable: {spoiled / 'repayments.csv'}: no column due_on")
    assert said.err.count("\n") == 1
    for words in ("rejected from customers: 1 row, founded_on is not a date (YYYY-MM-DD); key: C901",
                  f"broken: {spoiled / 'repayments.csv'}: no column due_on", f"broken: {spoiled / 'labels.csv'}: no column type"):
        assert words in said.out
    assert "was compared" not in said.out
    assert "every row keeps its rules" not in said.out
    assert (desk.rejects / "customers.csv").read_text(encoding="utf-8").splitlines()[1].startswith("C901,steel,,soon,")
    assert desk.train(spoiled) == 12
    assert "broken: " not in capsys.readouterr().out, "a job stops at the first"
    edit("loans.csv", "currency", "money")(spoiled)
    assert desk.validate(spoiled) == 12
    said = capsys.readouterr()
    assert f"{spoiled / 'loans.csv'}: no column currency" in said.err
    assert "note: no row was compared with loans, which cannot be read" in said.out


def test_a_breach_says_how_many_rows_the_first_keys_and_where_all_of_them_are(spoiled, desk, capsys):
    for i in range(7):
        append("customers.csv", f",nobody {i},")(spoiled)
    labels = spoiled / "labels.csv"
    labels.write_text(labels.read_text(encoding="utf-8").replace(",stable,", ",golden,"), encoding="utf-8")
    assert desk.validate(spoiled) == 14
    said = capsys.readouterr().out
    assert ("rejected from labels: 24 rows, type is not one of risk, churn, strategic, growth, stable; first keys: "
            "C004 2024-06-30 a1, C004 2024-12-31 a1, C009 2024-06-30 a1") in said
    assert f"; all 24 are in {desk.rejects / 'labels.csv'}\n" in said


@pytest.mark.parametrize("table", ["customers", "loans", "repayments"])
def test_a_required_table_without_rows_is_listed_and_stops_the_jobs(table, trained, book, tmp_path, desk, capsys):
    tables = tiny_book()
    tables = {name: rows.iloc[:0] if name == table else rows for name, rows in tables.items() if name != "labels"}
    empty = write_book(tables, tmp_path / "empty")
    for other in {"customers": ("loans", "repayments"), "loans": ("repayments",)}.get(table, ()):
        tables[other].iloc[:0].to_csv(empty / f"{other}.csv", index=False)
    for run in (desk.validate, trained.train, lambda book: trained.score(book, "--model", "1", as_of="2024-10-31")):
        assert run(empty) == 17
        assert f"EmptyTable: {empty}: {table} has no row" in the_line(capsys)
    assert not trained.partition("2024-10-31").parents[1].exists()
    assert desk.validate(empty) == 17
    assert f"broken: {empty}: {table} has no row" in capsys.readouterr().out


@pytest.mark.parametrize(("uri", "shown"), [
    ("nosuch+x://reader:s3cr3t@host:1/db", "nosuch+x://***@host:1/db"),
    ("postgresql+nodriver://reader:s3cr3t@at@host/db", "postgresql+nodriver://***@host/db"),
    ("postgresql+nodriver://host/db?user=reader&password=s3cr3t", "postgresql+nodriver://host/db?user=reader&password=***"),
])
def test_a_store_that_cannot_be_opened_is_named_without_its_password(uri, shown, desk, book, monkeypatch, capsys):
    monkeypatch.setenv("PENTAD_TRACKING_URI", uri)
    assert desk.score(book, "--model", "1") == 54
    err = capsys.readouterr().err
    assert f"StoreUnavailable: {shown}: " in err
    assert "s3cr3t" not in err


def test_what_is_not_read_of_a_book_is_said(spoiled, desk, capsys):
    edit("customers.csv", "industry", "Branche")(spoiled)
    (spoiled / "drawdown.csv").write_text("loan_id\n", encoding="utf-8")
    for run in (desk.validate, desk.train):
        assert run(spoiled) == 0
        said = capsys.readouterr().out
        assert "  customers: 60 read = 60 kept + 0 rejected; ignored columns: Branche\n" in said
        assert said.count("ignored columns") == 1
        assert "  note: beside the tables and not read: drawdown.csv\n" in said


def test_every_command_that_opens_a_book_takes_its_memory_from_the_settings(trained, spoiled, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(RANGES, "memory_gb", (0, 1))
    settings, trained.settings = trained.settings, write_settings(tmp_path, memory_gb="0.002")
    out = ("--as-of", "2024-12-31", "--out", tmp_path / "f.csv")
    try:
        for run in (trained.validate, trained.train, lambda book: trained.run("features", "--data", book, *out)):
            assert run(spoiled) == 18
            assert "NotEnoughMemory: memory_gb: " in the_line(capsys)
        trained.settings.write_text(settings.read_text(encoding="utf-8").replace("memory_gb = 1.0", "memory_gb = 0.002"),
                                    encoding="utf-8")
        assert trained.score(spoiled, "--model", "1") == 18
    finally:
        trained.settings = settings


def test_validate_refuses_settings_that_cannot_be(book, desk, capsys):
    desk.settings = write_settings(desk.folder, memory_gb='"much"')
    assert desk.validate(book) == 50
    assert "memory_gb = 'much'" in the_line(capsys)


def test_a_terminal_without_chinese_letters_shows_the_name_of_a_book_in_another_way(spoiled, tmp_path):
    book = spoiled.rename(tmp_path / "账簿")
    done = subprocess.run([sys.executable, "-m", "pipeline.cli", "validate", "--data", book, "--rejects", tmp_path / "rejects"],
                          cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert r"\u8d26\u7c3f ..." in done.stdout
