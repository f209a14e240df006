"""Runs, metrics and registered models in MLflow. The only module that imports it.

MLflow keeps absolute addresses of a run's files. A sqlite store moves with its project, so beside one the files lie in,
and are looked for first, the settings' artifacts folder as it is today: ``<artifacts>/<run>/artifacts``.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from features.addresses import masked
from models.gate import Evidence
from models.segmenter import BrokenModel, Segmenter
from models.training_reference import TrainingReference
from pipeline.clock import now
from pipeline.errors import NoModel, StoreUnavailable, writing
from pipeline.settings import SQLITE, TrackingSettings

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # MLflow resets its loggers when it is imported
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")  # seconds of silence, of a look-up and after an upload; else 120

CHALLENGER, CHAMPION = "challenger", "champion"
FOLDER = "segmenter"
EVIDENCE_TAG, MODEL_TAG, TWINS_TAG, UNTIL_TAG = "evidence_sha256", "model_sha256", "twins_sha256", "trained_until"
REFERENCE_TAG = "training_reference_sha256"
PERIOD, JUDGED = "test_period", "model_sha256"
CROWNED = "champion."


@dataclass
class RunRecord:
    """Everything one training run leaves behind."""

    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    files: Path
    segmenter: Segmenter = field(repr=False)
    twins: tuple[Segmenter, ...] = field(repr=False)
    evidence: Evidence = field(repr=False)
    reference: TrainingReference = field(repr=False)


@dataclass(frozen=True)
class Registered:
    """A model as the registry knows it; ``trained_until`` is the last date it learnt from (ISO).

    ``twins`` were grown with it from other seeds, ``reference`` is the book it learnt from, which monitoring needs; a model
    registered before there were any has none.
    """

    segmenter: Segmenter
    version: str
    run_id: str
    trained_until: str
    twins: tuple[Segmenter, ...] = ()
    reference: TrainingReference | None = None

    @property
    def name(self) -> str:
        """Version and run, as written beside every assignment."""
        return f"{self.version} ({self.run_id[:8]})"

    @property
    def tags(self) -> dict[str, str]:
        """What it is registered with: the SHA-256 sums that its files have to have, and what it learnt until."""
        return {MODEL_TAG: self.segmenter.sha256, TWINS_TAG: ",".join(twin.sha256 for twin in self.twins),
                REFERENCE_TAG: self.reference.sha256 if self.reference else "", UNTIL_TAG: self.trained_until}

    def save(self, folder: Path) -> None:
        """Write its files: its own, of each twin in a folder of their own, and the reference."""
        self.segmenter.save(folder)
        for nth, twin in enumerate(self.twins, 1):
            twin.save(folder / _twin(nth))
        if self.reference:
            self.reference.save(folder)


def registered_in(folder: Path, version: str, run_id: str, tags: Mapping[str, str], where: str) -> Registered:
    """Read a model from the folder of its files, if they are those it was registered with; ``where``: what to call the place.

    Raises
    ------
    BrokenModel
        They are gone, or others; of the model, one of its twins, or the book it learnt from.
    """
    segmenter = _segmenter(folder, tags.get(MODEL_TAG), "model", where)
    digests = [digest for digest in tags.get(TWINS_TAG, "").split(",") if digest]
    twins = tuple(_segmenter(folder / _twin(nth), digest, f"twin {nth}", where) for nth, digest in enumerate(digests, 1))
    digest = tags.get(REFERENCE_TAG)
    reference = TrainingReference.load(folder, digest) if digest else None
    return Registered(segmenter, version, run_id, tags[UNTIL_TAG], twins, reference)


def reach(settings: TrackingSettings) -> None:
    """Open the store, made at the first start, so that a job learns that it is out of reach before it works for it.

    Raises
    ------
    StoreUnavailable
        It cannot be opened or does not answer.
    UnwritableOutput
        The artifacts folder beside it cannot be made.
    """
    _client(settings)
    if settings.uri.startswith(SQLITE):
        with writing(settings.artifacts):
            Path(settings.artifacts).mkdir(parents=True, exist_ok=True)


def record(run: RunRecord, settings: TrackingSettings) -> Registered:
    """Log a training run and register its model as ``challenger``.

    Raises
    ------
    StoreUnavailable
        The store does not answer.
    UnwritableOutput
        The run's files cannot be written.
    """
    with _answering(settings):
        return _record(run, settings)


def _record(run: RunRecord, settings: TrackingSettings) -> Registered:
    client = _client(settings)
    experiment = client.get_experiment_by_name(settings.experiment).experiment_id
    _close_killed_runs(client, experiment)
    started = client.create_run(experiment, tags=run.tags | {"pentad.pid": str(os.getpid())})
    run_id = started.info.run_id
    made = Registered(run.segmenter, "", run_id, run.evidence.trained_until, run.twins, run.reference)
    try:
        _log(client, started, run.params, run.metrics)
        made.save(run.files / FOLDER)
        digest = run.evidence.save(run.files / FOLDER)
        if settings.uri.startswith(SQLITE):
            place = _run_folder(run_id, settings)
            with writing(place):
                place.mkdir(parents=True)
                open_to = place.stat().st_mode
                shutil.copytree(run.files, place, dirs_exist_ok=True)
                place.chmod(open_to)  # a temporary folder is closed to everybody else
            source = (place / FOLDER).as_uri()
        else:
            client.log_artifacts(run_id, str(run.files))
            source = f"{started.info.artifact_uri}/{FOLDER}"
        version = client.create_model_version(settings.model_name, source, run_id, tags=made.tags | {EVIDENCE_TAG: digest})
        client.set_registered_model_alias(settings.model_name, CHALLENGER, version.version)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")
    return replace(made, version=str(version.version))


def _log(client, run, params: Mapping[str, object], values: Mapping[str, float]) -> None:
    """All at once: one by one takes a second and a half for a training."""
    from mlflow.entities import Metric, Param

    client.log_batch(run.info.run_id, [Metric(name, value, run.info.start_time, 0) for name, value in values.items()],
                     [Param(name, str(value)) for name, value in params.items()])


@contextmanager
def tuning(study: str, settings: TrackingSettings) -> Iterator[Callable[[int, dict[str, float], float | None], None]]:
    """Keep a study as one run, and each of its trials as a run nested in it; a study that goes on keeps its run.

    Yields a function that records a trial: its number, what it tried, and its loss, or None if it was given up.

    Raises
    ------
    StoreUnavailable
        The store does not answer.
    """
    with _answering(settings):
        client = _client(settings)
        experiment = client.get_experiment_by_name(settings.experiment).experiment_id
        found = client.search_runs([experiment], f"tags.\"pentad.study\" = '{study}'")
        pid = {"pentad.pid": str(os.getpid())}
        parent = (found[0] if found else client.create_run(experiment, tags=pid | {"pentad.study": study},
                                                           run_name=f"tuning {study}")).info.run_id

        def record(number: int, tried: dict[str, float], loss: float | None) -> None:
            tags = pid | {"mlflow.parentRunId": parent}
            started = client.create_run(experiment, tags=tags, run_name=f"trial {number}")
            _log(client, started, tried, {} if loss is None else {"log_loss": loss})
            if loss is not None:
                client.log_metric(parent, "log_loss", loss, step=number)
            client.set_terminated(started.info.run_id, "FINISHED" if loss is not None else "KILLED")

        try:
            yield record
        except BaseException:
            client.set_terminated(parent, "KILLED")
            raise
        client.set_terminated(parent, "FINISHED")


def models_judged_on(period: str, settings: TrackingSettings) -> set[str]:
    """The SHA-256 of every model that a finished training of this experiment judged on a test period.

    Raises
    ------
    StoreUnavailable
        The store does not answer.
    """
    with _answering(settings):
        client = _client(settings)
        experiment = client.get_experiment_by_name(settings.experiment).experiment_id
        found, token = set(), None
        while True:
            asked = f"tags.{PERIOD} = '{period}' and attributes.status = 'FINISHED'"
            page = client.search_runs([experiment], asked, page_token=token)
            found, token = found | {run.data.tags.get(JUDGED, run.info.run_id) for run in page}, page.token
            if not token:
                return found


def run_place(model: Registered, settings: TrackingSettings) -> str:
    """Where the files of a model's run lie: a folder beside a sqlite store, else the name of the run."""
    own = Path(settings.artifacts) / model.run_id / "artifacts"
    return str(own) if own.is_dir() else f"run {model.run_id}"


def load(which: str, settings: TrackingSettings) -> Registered:
    """The registered model of an alias (champion, challenger) or a version number.

    Raises
    ------
    NoModel
        The registry has no such alias or version.
    BrokenModel
        The files are gone, or not the ones that were saved; of the model, one of its twins, or the book it learnt from.
    StoreUnavailable
        The files are kept elsewhere and cannot be fetched.
    """
    version = _version(which, settings)
    with _answering(settings), _files(version, settings) as (folder, where):
        named = f"{settings.model_name} version {version.version} in {where}"
        return registered_in(folder, str(version.version), version.run_id, version.tags, named)


def _segmenter(folder: Path, digest: str | None, what: str, where: str) -> Segmenter:
    """A model from its folder, if it is the one that was registered."""
    todo = "Put its files back from a copy, or train anew."
    try:
        segmenter = Segmenter.load(folder)
    except BrokenModel as error:
        raise BrokenModel(error.found if what == "model" else f"{what}: {error.found}", where, todo) from None
    if segmenter.sha256 != digest:
        raise BrokenModel(f"it is not the {what} that was registered", where, todo)
    return segmenter


def _twin(nth: int) -> str:
    """The folder of a model's nth twin, beside its own files."""
    return f"twin_{nth}"


def evidence(model: Registered, settings: TrackingSettings) -> Evidence:
    """What a registered model can show for itself.

    Raises
    ------
    NoEvidence
        Nothing, or something that is not its own.
    """
    version = _version(model.version, settings)
    with _answering(settings), _files(version, settings) as (folder, _):
        return Evidence.load(folder, version.tags.get(EVIDENCE_TAG, ""), model.segmenter.sha256)


def champion_version(settings: TrackingSettings) -> str:
    """The version that is champion, empty if none is."""
    try:
        return str(_version(CHAMPION, settings).version)
    except NoModel:
        return ""


def promote(version: str, reason: str, who: str, settings: TrackingSettings, limits: Mapping[str, object] | None = None) -> str:
    """Make a version the champion; note who did it, why, when and what the gate tolerated. Returns the version.

    Asks nothing: see promote.py.
    """
    return _crown(version, "promoted", reason, who, settings, limits)


def rollback(reason: str, who: str, settings: TrackingSettings) -> str:
    """Make the champion before this one champion again and note it. Returns its version.

    Raises
    ------
    NoModel
        There was none before, or its files cannot be had.
    """
    reigns = []
    for event in history(settings):
        if event["what"] == "promoted":
            reigns.append(event["version"])
        elif reigns:
            reigns.pop()
    if len(reigns) < 2:
        raise NoModel("there was no champion before this one", masked(settings.uri), "Promote another with `pentad promote`.")
    load(reigns[-2], settings)  # or nobody could be scored
    return _crown(reigns[-2], "rolled back to", reason, who, settings)


def history(settings: TrackingSettings) -> list[dict]:
    """Every promotion and rollback, the first first: what, version, by, reason, at (UTC), and of promotions the gate's limits."""
    with _answering(settings):
        tags = _client(settings).get_registered_model(settings.model_name).tags
    return [json.loads(tags[key]) for key in sorted(key for key in tags if key.startswith(CROWNED))]


def _crown(version: str, what: str, reason: str, who: str, settings: TrackingSettings,
           limits: Mapping[str, object] | None = None) -> str:
    number = len(history(settings)) + 1
    at = now()
    event = {"what": what, "version": str(version), "by": who, "reason": reason, "at": at}
    event |= {"limits": limits} if limits else {}
    with _answering(settings):
        client = _client(settings)
        for key, value in (("promotion_reason", reason), ("promoted_by", who), ("promoted_at", at)):
            client.set_model_version_tag(settings.model_name, version, key, value)
        # the alias last: a note without its effect is seen and mended, an effect without its note is not
        client.set_registered_model_tag(settings.model_name, f"{CROWNED}{number:06d}", json.dumps(event, ensure_ascii=False))
        client.set_registered_model_alias(settings.model_name, CHAMPION, version)
    return str(version)


def _version(which: str, settings: TrackingSettings):
    from mlflow.exceptions import MlflowException

    client = _client(settings)
    try:
        if which.isdecimal():
            return client.get_model_version(settings.model_name, which)
        return client.get_model_version_by_alias(settings.model_name, which)
    except MlflowException as error:
        todo = {CHAMPION: "Run `pentad promote` first.", CHALLENGER: "Run `pentad train` first."}.get(
            which, f"Give {CHALLENGER}, {CHAMPION} or a registered number; `pentad train` registers one.")
        raise NoModel(f"no model {settings.model_name} under {which!r}", masked(settings.uri), todo) from error


@contextmanager
def _files(version, settings: TrackingSettings) -> Iterator[tuple[Path, str]]:
    """Yield the folder of a version's files and the name of the place they are kept in."""
    own = _run_folder(version.run_id, settings) / FOLDER
    if own.is_dir():
        yield own, str(own)
        return
    if version.source.startswith("file:"):
        kept = Path(url2pathname(urlsplit(version.source).path))
        yield kept, str(kept)
        return
    from mlflow.artifacts import download_artifacts

    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    with tempfile.TemporaryDirectory(prefix="pentad-") as folder:
        yield Path(download_artifacts(artifact_uri=version.source, dst_path=folder)), version.source


def _run_folder(run_id: str, settings: TrackingSettings) -> Path:
    return Path(settings.artifacts).resolve() / run_id / "artifacts"


def _client(settings: TrackingSettings):
    import mlflow

    artifacts = Path(settings.artifacts).resolve().as_uri()
    with _answering(settings), _first_start_alone(settings.uri):
        mlflow.set_tracking_uri(settings.uri)
        client = mlflow.MlflowClient(settings.uri)
        if client.get_experiment_by_name(settings.experiment) is None:
            client.create_experiment(settings.experiment, artifact_location=artifacts)
        if not client.search_registered_models(f"name = '{settings.model_name}'"):
            client.create_registered_model(settings.model_name)
    return client


@contextmanager
def _answering(settings: TrackingSettings) -> Iterator[None]:
    """Name the store if it, or the driver for it, fails."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, ImportError, OSError) as error:
        todo = "Check the store, its driver and PENTAD_TRACKING_URI."
        raise StoreUnavailable(masked(str(error).splitlines()[0]), masked(settings.uri), todo) from error


@contextmanager
def _first_start_alone(uri: str) -> Iterator[None]:
    """Hold a file lock while a sqlite store is opened: processes that create it at once crash each other."""
    if not uri.startswith(SQLITE):
        yield
        return
    database = Path(uri.removeprefix(SQLITE))
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _close_killed_runs(client, experiment: str) -> None:
    """A killed run says RUNNING for ever: close those whose process is gone."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        pid = run.data.tags.get("pentad.pid", "")
        if not pid or not Path(f"/proc/{pid}").exists():
            client.set_terminated(run.info.run_id, "KILLED")
