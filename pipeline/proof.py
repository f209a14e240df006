"""What a trained model can show for itself: the evidence that a promotion asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.cohort import first_signing
from features.days import as_day, month_end_before
from features.frame import feature_frame
from features.sources import Tables
from models.gate import Evidence, dearer_parts, gains_over
from models.intervals import Interval
from models.matrix import KEYS
from models.metrics import given_types
from models.segmenter import Fitted, Judgement, Segmenter
from models.stability import Flips, Steadiness, agreement, flipped_by_type, flips, same, told_by
from models.types import names
from pipeline.evaluation import Evaluation
from pipeline.steadiness import DIMENSION_OF

MAIN_BASELINE = "logistic"


@dataclass(frozen=True)
class Champion:
    """The model in use: its version, and it, with the last date it learnt from; or why it cannot be had.

    ``is_broken`` says that its files are not those of a model: nobody can be scored with it.
    """

    version: str
    segmenter: Segmenter | None
    trained_until: str = ""
    note: str = ""
    is_broken: bool = False


@dataclass(frozen=True)
class Rival:
    """The champion beside a challenger: its version, its judgement of the same rows, or why there is none.

    ``is_usable`` is false where nobody of this book could be scored with it, as it needs what is not known any more.
    """

    version: str
    judgement: Judgement | None = None
    note: str = ""
    is_usable: bool = True

    @property
    def name(self) -> str:
        """What it is called among the contenders."""
        return f"champion {self.version}"


def weigh(
    fitted: Fitted, evaluation: Evaluation, baselines: Sequence[str], champion: Rival | None, fingerprint: str,
    judgement: Judgement | None, is_new: np.ndarray, steadiness: Steadiness, n_looks: int = 1,
    leaks: Mapping[str, float] | None = None,
) -> Evidence:
    """Compare a challenger with the champion and the baselines on labels it was not trained on.

    Parameters
    ----------
    fitted : Fitted
        The challenger.
    evaluation : Evaluation
        Rows it has not seen: those after its last date, or out of fold where there is one date only; the champion is among
        the contenders where it could be judged.
    baselines : sequence of str
        Which other contenders it has to beat.
    champion : Rival, optional
        The champion, if there is one.
    fingerprint : str
        Of the data it was trained on.
    judgement : Judgement, optional
        Its own of the same rows, where the champion has one too.
    is_new : ndarray of bool
        Whether the circle of each row is new to it.
    steadiness : Steadiness
        How far its stories change with another seed and with a month.
    n_looks : int
        How many models were judged on these dates, it included.
    leaks : mapping of str to float, optional
        Features that carry much of all contributions, with their shares.
    """
    truth, ours, types, draws = evaluation.truth, evaluation.ours, evaluation.types, evaluation.draws
    is_compared = champion is not None and champion.name in evaluation.believed
    rivals = [*baselines, *([champion.name] if is_compared else [])]
    main = champion.name if is_compared else MAIN_BASELINE
    trained = pd.MultiIndex.from_frame(fitted.rows[KEYS])
    n_seen = 0 if evaluation.is_out_of_fold else int(pd.MultiIndex.from_frame(evaluation.rows[KEYS]).isin(trained).sum())
    dates = evaluation.rows["as_of"]
    order = names(types)
    cuts = evaluation.attributes.assign(type=[order[place] for place in truth])
    given = given_types(ours)
    new = evaluation.part("new customers", is_new)

    def over(of: Evaluation) -> dict[str, dict[str, Interval]]:
        return {rival: gains_over(of.truth, of.ours, of.believed[rival], types, of.draws) for rival in rivals if of.n_rows}

    return Evidence(
        model_sha256=fitted.segmenter.sha256, data_fingerprint=fingerprint,
        rows=f"{evaluation.name}, as of {dates.min()} to {dates.max()}", n_rows=evaluation.n_rows, n_seen=n_seen,
        trained_until=str(fitted.rows["as_of"].max()), temperature=fitted.segmenter.temperature,
        champion="" if champion is None else champion.version, note="" if champion is None else champion.note,
        is_champion_usable=champion is None or champion.is_usable,
        gains=over(evaluation), n_new=new.n_rows, gains_of_new=over(new), n_looks=n_looks, leaks=leaks or {},
        main_rival=main, parts=dearer_parts(truth, ours, evaluation.believed[main], types, cuts, draws),
        promised=evaluation.referral.coverage,
        covered={kind: {name: float(row[name]) for name in ("covered", "low", "high", "n")}
                 for kind, row in evaluation.coverage.iterrows()},
        n_found={kind: (int((truth == place).sum()), int(((truth == place) & (given == place)).sum()))
                 for place, kind in enumerate(order)},
        flips=_flips(judgement, champion), steadiness=steadiness)


def rival_of(champion: Champion, frame: pd.DataFrame) -> Rival:
    """The champion's judgement of rows it was not trained on, or why there is none."""
    if champion.segmenter is None:
        return Rival(champion.version, note=champion.note)
    absent = [name for name in champion.segmenter.features if name not in frame]
    if absent:
        note = f"it needs {len(absent)} features that are not known, such as {absent[0]}"
        return Rival(champion.version, note=note, is_usable=False)
    if champion.trained_until >= frame["as_of"].min():
        note = f"it learnt from labels up to {champion.trained_until}, and these rows begin at {frame['as_of'].min()}"
        return Rival(champion.version, note=note)
    return Rival(champion.version, champion.segmenter.judge(frame[[*KEYS, *champion.segmenter.features]]))


def _flips(judgement: Judgement | None, champion: Rival | None) -> Flips | None:
    if judgement is None or champion is None or champion.judgement is None:
        return None
    return flips(judgement, champion.judgement, DIMENSION_OF)


def steadiness_of(segmenter: Segmenter, twins: Sequence[Segmenter], frame: pd.DataFrame, tables: Tables) -> Steadiness:
    """How far a model's stories of the evaluated rows change with another seed and with a month; no label is looked at.

    Parameters
    ----------
    segmenter : Segmenter
        The model.
    twins : sequence of Segmenter
        The same grown from other seeds.
    frame : DataFrame
        The evaluated rows with their features.
    tables : Tables
        The book, of which the same customers are measured at the end of the month before.
    """
    features = segmenter.features
    now = told_by(segmenter, frame[[*KEYS, *features]], DIMENSION_OF)
    reseeded = agreement(now, [told_by(twin, frame[[*KEYS, *features]], DIMENSION_OF) for twin in twins])
    earlier, rows = _a_month_earlier(frame, tables)
    then = told_by(segmenter, earlier[[*KEYS, *features]], DIMENSION_OF)
    types = now.types
    return Steadiness(flipped_by_type(reseeded, types, segmenter.types) if twins else {},
                      flipped_by_type(same(now.of(rows), then), types[rows], segmenter.types), len(frame) - len(rows))


def _a_month_earlier(frame: pd.DataFrame, tables: Tables) -> tuple[pd.DataFrame, np.ndarray]:
    """The features of the same customers at the end of the month before, and the places of those active then."""
    days, first = frame["as_of"].map(month_end_before).to_numpy(), first_signing(tables)
    cohort = pd.DataFrame({"customer_id": frame["customer_id"].to_numpy(), "as_of": days, "row": np.arange(len(frame))})
    cohort = cohort[[as_day(day) >= first for day in days]]
    if cohort.empty:
        return frame.iloc[:0], np.empty(0, int)
    measured = feature_frame(cohort[list(KEYS)].drop_duplicates(), tables)
    measured = cohort.merge(measured[measured["n_active_loans"] > 0], on=list(KEYS))
    return measured.drop(columns="row"), measured["row"].to_numpy()


