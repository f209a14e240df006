"""Search for better settings: seeded, on time folds, given up early, resumable, every trial a run in MLflow.

The winner is printed; a person copies it into run.toml, or does not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from features.catalogue import FEATURES
from features.frame import feature_frame
from features.sources import Tables
from models.matrix import KEYS
from models.split import TooFewLabels, out_of_time
from models.tuning import N_STARTUP, N_WARMUP, SPACE, GivenUp, judged, laid_out, suggested
from models.types import load_types, names
from pipeline import tracking
from pipeline.circles import circles_of
from pipeline.errors import writing
from pipeline.labels import Labelled
from pipeline.settings import Settings


@dataclass(frozen=True)
class Tuned:
    """What a search found: the loss of the settings as they are, the best one's, and the settings that gave it."""

    study: str
    n_trials: int
    n_given_up: int
    loss_now: float
    loss_best: float
    best: dict[str, float]

    def __str__(self) -> str:
        said = (f"{self.n_trials:,} trials, {self.n_given_up:,} given up early; log loss on later dates and other circles: "
                f"{self.loss_now:.4f} with the settings as they are, {self.loss_best:.4f} with the best")
        if self.loss_best >= self.loss_now:
            return f"{said}\nnothing better was found: leave run.toml as it is"
        lines = [f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}"
                 for name, value in self.best.items()]
        return "\n".join([said, "to use it, copy into [model] of run.toml, and train:", "", *lines])


def tune(
    tables: Tables, labelled: Labelled, settings: Settings, n_trials: int, storage: Path, echo: Callable[[str], None],
    progress: Callable[[float], None],
) -> Tuned:
    """Try settings until the study has ``n_trials``; an interrupted study goes on where it was, and comes to the same.

    Parameters
    ----------
    tables, labelled, settings :
        As for a training; the out-of-time period is left out.
    n_trials : int
        Trials the study shall have, those of earlier calls included.
    storage : Path
        The file that keeps the studies; one of other data, labels or settings is another study.
    echo, progress : callable
        Told in a line what is going on; told the best loss after each trial.

    Raises
    ------
    TooFewLabels
        There is no fold with every type.
    UnwritableOutput
        The file cannot be written.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    tracking.reach(settings.tracking)
    order = names(load_types())
    echo(f"features of {len(labelled.rows):,} customers and dates ...")
    frame = feature_frame(labelled.rows[KEYS], tables)
    given = frame[KEYS].merge(labelled.rows, on=KEYS, how="left")["type"]
    groups = frame["customer_id"].map(circles_of(tables))
    split = out_of_time(frame, groups, settings.split.held_out_share, settings.split.embargo_days, settings.model.seed)
    side = frame[split.train]
    known = [name for name in FEATURES if side[name].notna().any()
             and (settings.features.use_judgemental or not FEATURES[name].is_judgemental)]
    trees, folds = laid_out(side[[*KEYS, *known]], given[split.train], groups[split.train], order,
                            settings.split.embargo_days, settings.model.seed)
    if not folds:
        raise TooFewLabels("no earlier date has every type", "labels", "Label more dates.")
    echo(f"split: {split.description}; of the training side {len(folds)} folds:")
    for fold in folds:
        echo(f"  {fold.description}")
    now = judged(trees.margins_of(settings.model), folds, trees.truth)
    about = [tables.fingerprint, labelled.rows.to_csv(index=False), repr(settings.model), repr(settings.split), known, SPACE]
    name = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]
    with writing(storage):
        storage.parent.mkdir(parents=True, exist_ok=True)
        kept = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(storage)))
        study = optuna.create_study(storage=kept, study_name=name, direction="minimize", load_if_exists=True,
                                    pruner=optuna.pruners.MedianPruner(N_STARTUP, N_WARMUP))
    states = optuna.trial.TrialState
    for trial in study.get_trials(deepcopy=False, states=(states.RUNNING,)):
        study.tell(trial.number, state=states.FAIL)  # it was interrupted
    done = len(study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED)))
    echo(f"study {name} in {storage}: {done:,} of {n_trials:,} trials were done before")
    with tracking.tuning(name, settings.tracking) as record:
        for number in range(done, n_trials):
            # a sampler of its own for every trial: an interrupted study tries the same ones
            study.sampler = optuna.samplers.TPESampler(seed=settings.model.seed + number)
            trial = study.ask()
            tried = suggested(trial, settings.model)

            def report(loss: float, step: int, trial=trial) -> None:
                trial.report(loss, step)
                if trial.should_prune():
                    raise GivenUp

            try:
                loss, state = judged(trees.margins_of(tried), folds, trees.truth, report), states.COMPLETE
            except GivenUp:
                loss, state = None, states.PRUNED
            study.tell(trial, loss, state=state)
            record(number, trial.params, loss)
            progress(study.best_value)
    given_up = len(study.get_trials(deepcopy=False, states=(states.PRUNED,)))
    return Tuned(name, max(done, n_trials), given_up, now, study.best_value, study.best_params)
