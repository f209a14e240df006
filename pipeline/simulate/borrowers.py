"""Who borrows in the synthetic book, and the hidden relationship state each borrower moves through.

The state moves month by month as a Markov chain; how readily, and where to, depends on the segment. Nothing
here is estimated from a real bank: the numbers are chosen so that the five types are present, last for
months rather than days, and change into one another as their descriptions suggest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STATES = ("risk", "churn", "strategic", "growth", "stable")
TEMPERS = 3  # punctual, usual, casual: how a borrower pays whatever its state
APPETITES = 2  # small, large: how much credit it likes to use whatever its state

# Chance per month to leave each state, in the order of STATES.
_LEAVE = np.array([0.017, 0.014, 0.010, 0.020, 0.014])


@dataclass(frozen=True)
class Segment:
    """A kind of borrower.

    ``share`` of the book; ``start`` distribution of the first state; ``pull``: where those who leave a state
    go; ``size_cny`` (median) and ``size_spread`` (of the logarithm) of a usual loan; ``premium`` on the rate;
    ``season``: swing of the utilisation over the year; ``age_years``: range of the firm's age at the first
    loan; ``products``: chances of a term loan, revolver, project loan and guarantee.
    """

    name: str
    share: float
    start: tuple[float, ...]
    pull: tuple[float, ...]
    size_cny: float
    size_spread: float
    premium: float
    season: float
    age_years: tuple[float, float]
    products: tuple[float, float, float, float]


SEGMENTS = (
    Segment(
        "sme",
        0.50,
        (0.10, 0.10, 0.03, 0.14, 0.63),
        (0.26, 0.44, 0.03, 0.10, 0.20),
        3e6,
        0.9,
        0.008,
        0.15,
        (4, 25),
        (0.55, 0.40, 0.0, 0.05),
    ),
    Segment(
        "young",
        0.20,
        (0.10, 0.04, 0.00, 0.71, 0.15),
        (0.26, 0.30, 0.01, 0.23, 0.20),
        1.5e6,
        0.7,
        0.014,
        0.08,
        (0.4, 3),
        (0.50, 0.48, 0.0, 0.02),
    ),
    Segment(
        "project",
        0.08,
        (0.12, 0.05, 0.13, 0.15, 0.55),
        (0.30, 0.20, 0.10, 0.08, 0.32),
        9e7,
        0.7,
        0.010,
        0.05,
        (1, 8),
        (0.35, 0.15, 0.35, 0.15),
    ),
    Segment(
        "state",
        0.14,
        (0.06, 0.06, 0.33, 0.08, 0.47),
        (0.14, 0.28, 0.24, 0.05, 0.29),
        1.6e8,
        0.9,
        0.000,
        0.06,
        (8, 40),
        (0.45, 0.30, 0.10, 0.15),
    ),
    Segment(
        "foreign",
        0.08,
        (0.06, 0.08, 0.28, 0.13, 0.45),
        (0.14, 0.36, 0.18, 0.10, 0.22),
        5e7,
        0.9,
        0.002,
        0.08,
        (6, 40),
        (0.45, 0.38, 0.02, 0.15),
    ),
)

# English and Chinese name of an industry, and the month (0..11) in which it needs most working capital.
INDUSTRIES = (
    ("textiles", "纺织", 7),
    ("foods", "食品", 8),
    ("machinery", "机械", 2),
    ("chemicals", "化工", 4),
    ("logistics", "物流", 10),
    ("construction", "建设", 5),
    ("energy", "能源", 0),
    ("retail", "商贸", 11),
    ("electronics", "电子", 9),
    ("agriculture", "农业", 3),
    ("software", "软件", 1),
    ("water", "水务", 6),
)
_FIRST = (
    ("Blue", "蓝"),
    ("Green", "绿"),
    ("Silver", "银"),
    ("East", "东"),
    ("North", "北"),
    ("Bright", "明"),
    ("Long", "长"),
    ("High", "高"),
    ("New", "新"),
    ("Clear", "清"),
    ("Broad", "广"),
    ("Twin", "双"),
)
_SECOND = (
    ("River", "河"),
    ("Mountain", "山"),
    ("Lake", "湖"),
    ("Bridge", "桥"),
    ("Harbour", "港"),
    ("Field", "田"),
    ("Pine", "松"),
    ("Stone", "石"),
    ("Cloud", "云"),
    ("Star", "星"),
    ("Gate", "门"),
    ("Valley", "谷"),
)
_REGIONS = ("east", "north", "south", "west", "central")
_COUNTRIES = ("SG", "DE", "JP", "FR", "KR", "NL")
_SIZE_BOUND = 1.7  # standard deviations within which usual loans stay, so that none dwarfs the book
_BLOCK = 40  # consecutive customers from whom connected groups are formed


@dataclass(frozen=True)
class Borrower:
    """One customer as the simulator knows it: the public facts and the hidden ones."""

    number: int
    segment: int
    temper: int
    appetite: int
    industry: int
    size_cents: float  # its usual loan
    arrival: int  # month of its first loan
    states: np.ndarray  # state of every month, -1 before the arrival
    facts: dict[str, str]  # the text columns of the customers table
    founded_days: int  # days from foundation to arrival
    onboarded_days: int  # days from onboarding to arrival


def transitions(segment: Segment) -> np.ndarray:
    """Chance of each state next month given the state this month, shape (5, 5), rows sum to 1."""
    pull = np.tile(np.array(segment.pull), (5, 1))
    np.fill_diagonal(pull, 0.0)
    matrix = _LEAVE[:, None] * pull / pull.sum(axis=1, keepdims=True)
    np.fill_diagonal(matrix, 1.0 - _LEAVE)
    return matrix


def chain(start: tuple[float, ...], matrix: np.ndarray, months: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a path of hidden states, one per month, shape (months,)."""
    draws = rng.random(months).tolist()
    ladder = np.cumsum(matrix, axis=1).tolist()
    steps = np.cumsum(start).tolist()
    path = []
    for draw in draws:
        state = sum(draw >= step for step in steps[:4])
        path.append(state)
        steps = ladder[state]
    return np.array(path, dtype=np.int8)


def draw_borrower(number: int, months: int, rng: np.random.Generator) -> Borrower:
    """Draw one customer: what it is, when it comes, and the states it will go through."""
    kind = int(np.searchsorted(np.cumsum([s.share for s in SEGMENTS])[:-1], rng.random(), side="right"))
    segment = SEGMENTS[kind]
    picks = rng.random(14).tolist()
    industry = 6 if kind == 2 and picks[0] < 0.5 else int(picks[0] * len(INDUSTRIES))
    # Six in ten are there when the records begin; the others come steadily until half a year before the end.
    arrival = int(picks[1] / 0.6 * 4) if picks[1] < 0.6 else 4 + int((picks[1] - 0.6) / 0.4 * (months - 10))
    founded = int(365 * (segment.age_years[0] + picks[2] * (segment.age_years[1] - segment.age_years[0])))
    onboarded = int(founded * picks[3] ** 3)
    path = chain(segment.start, transitions(segment), months - arrival, rng)
    spread = min(max(float(rng.standard_normal()), -_SIZE_BOUND), _SIZE_BOUND)
    return Borrower(
        number=number,
        segment=kind,
        temper=int(picks[4] * TEMPERS),
        appetite=int(picks[5] * APPETITES),
        industry=industry,
        size_cents=100 * segment.size_cny * float(np.exp(segment.size_spread * spread)),
        arrival=arrival,
        states=np.concatenate([np.full(arrival, -1, dtype=np.int8), path]),
        facts=_facts(number, segment.name, industry, picks[6:]),
        founded_days=founded,
        onboarded_days=onboarded,
    )


def _facts(number: int, segment: str, industry: int, picks: list[float]) -> dict[str, str]:
    """The text columns of a customer; a few of them are missing, as in a bank's register."""
    first, second = _FIRST[int(picks[0] * len(_FIRST))], _SECOND[int(picks[1] * len(_SECOND))]
    english, chinese, _ = INDUSTRIES[industry]
    is_foreign = segment == "foreign"
    if is_foreign or picks[2] < 0.5:
        name = f"{first[0]} {second[0]} {english.capitalize()}"
    else:
        name = f"{first[1]}{second[1]}{chinese}"
    ownership = (
        segment
        if segment in ("state", "foreign")
        else "state"
        if segment == "project" and picks[3] < 0.4
        else "private"
    )
    group = ""
    if segment == "state" or (is_foreign and picks[4] < 0.5):
        group = f"G{(number - 1) // _BLOCK + 1:04d}-{segment[0]}{int(picks[5] * 2) + 1}"
    return {
        "name": name,
        "country": _COUNTRIES[int(picks[6] * len(_COUNTRIES))] if is_foreign else "CN",
        "region": _REGIONS[int(picks[7] * len(_REGIONS))],
        "industry": english,
        "ownership": "" if picks[3] > 0.96 else ownership,
        "group_id": group,
    }
