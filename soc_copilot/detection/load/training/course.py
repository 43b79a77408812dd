"""The training of the networks over the signs: other attacks on the same years in every turn."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from soc_copilot.detection.load.course import (
    LIMIT,
    N_INPUTS,
    N_OUTPUTS,
    Course,
    Net,
    side_by_side,
)

logger = logging.getLogger(__name__)

Singles = npt.NDArray[np.float32]

PIECE_HOURS: Final = 4_000  # chosen: series are cut into such pieces, side by side in a batch
_WARM_HOURS: Final = 100  # chosen: of a piece, for the state to settle
_KEPT: Final = 0.998  # chosen: of the weights' running mean, at each step
_WARM_STEPS: Final = 100  # chosen: in which the learning rate rises


@dataclass(frozen=True, slots=True)
class CourseRecipe:
    """How they are trained; chosen.

    Attributes:
        n_nets: Networks, each from another beginning.
        n_turns: Times that attacks are drawn on all years.
        epochs: Passes over all of that.
        width: Units of the LSTM.
        hidden: Units of the head.
        batch: Pieces side by side.
        chunk_hours: Hours through which errors are carried back.
        rate: Of learning.
        decay: Of weights.
        dropout: Share of inputs and outputs of the LSTM that are left out.
        template_share: What the templates' loss counts.
    """

    n_nets: int = 1
    n_turns: int = 14
    epochs: int = 5
    width: int = 64
    hidden: int = 64
    batch: int = 32
    chunk_hours: int = 168
    rate: float = 3e-3
    decay: float = 1e-3
    dropout: float = 0.1
    template_share: float = 0.3


@dataclass(frozen=True, slots=True)
class Lesson:
    """A stretch with attacks in it.

    Attributes:
        rows: As `course.course_rows` gave them.
        kinds: Which of the templates each hour is under, -1 for none.
        weights: How much each hour counts.
    """

    rows: Singles
    kinds: npt.NDArray[np.int64]
    weights: Singles


class CourseNet(nn.Module):
    """The network in torch, as it is trained: it learns to tell the templates beside."""

    def __init__(self, recipe: CourseRecipe) -> None:
        super().__init__()
        self.lstm = nn.LSTM(N_INPUTS, recipe.width, batch_first=True)
        self.first = nn.Linear(recipe.width + N_INPUTS, recipe.hidden)
        self.second = nn.Linear(recipe.hidden, N_OUTPUTS)
        self.dropout = nn.Dropout(recipe.dropout)

    @override
    def forward(
        self, rows: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Log-odds of an attack and of each template for every hour, and the state behind."""
        hidden, state = self.lstm(self.dropout(rows), state)
        both = torch.cat([self.dropout(hidden), rows], -1)
        return self.second(torch.relu(self.first(both))), state


def fit_course(
    lessons: Callable[[np.random.Generator], list[Lesson]], recipe: CourseRecipe, seed: int
) -> Course:
    """Train the networks.

    Args:
        lessons: Called for each turn, gives stretches with attacks drawn anew.
        recipe: How.
        seed: Of all that is random.

    Raises:
        ValueError: There is no turn or network.
    """
    rng = np.random.default_rng(seed)
    turns = [_pieces(lessons(rng)) for _ in range(recipe.n_turns)]
    if not turns or not recipe.n_nets:
        raise ValueError("the networks over the signs have nothing to learn from")
    norm = _norm([turn.rows for turn in turns])
    return side_by_side([_fit(turns, norm, recipe, seed + k) for k in range(recipe.n_nets)])


def _fit(
    turns: Sequence[Lesson], norm: tuple[Singles, Singles], recipe: CourseRecipe, seed: int
) -> Net:
    """Train one network; the running mean of its weights is what counts."""
    torch.manual_seed(seed)
    rng, net = np.random.default_rng(seed), CourseNet(recipe)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    mean = {name: value.clone() for name, value in net.state_dict().items()}
    n_done, n_steps = 0, recipe.epochs * sum(len(_batches(len(t.rows), recipe, rng)) for t in turns)
    for epoch in range(recipe.epochs):
        began, losses = time.monotonic(), []
        for which in rng.permutation(len(turns)):
            turn, state = turns[which], None
            for some, part in _batches(len(turn.rows), recipe, rng):
                for group in optimiser.param_groups:
                    group["lr"] = recipe.rate * _pace(n_done, n_steps)
                seen = np.clip((turn.rows[some, part] - norm[0]) * norm[1], -LIMIT, LIMIT)
                found, after = net(torch.from_numpy(seen), state if part.start else None)
                state = (after[0].detach(), after[1].detach())
                loss = _loss(found, turn.kinds[some, part], turn.weights[some, part], recipe)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                optimiser.step()
                n_done += 1
                kept = min(_KEPT, n_done / (n_done + 20))  # the first weights are soon forgotten
                for name, value in net.state_dict().items():
                    mean[name].mul_(kept).add_(value, alpha=1 - kept)
                losses.append(loss.item())
        logger.info(
            "Trained on signs. seed=%d epoch=%d loss=%.4f took_s=%.0f",
            seed, epoch, float(np.mean(losses)), time.monotonic() - began,
        )  # fmt: skip
    return _finished(mean, norm)


def _pieces(lessons: Sequence[Lesson]) -> Lesson:
    """Stretches cut into pieces, shapes (n, PIECE_HOURS, ...); a short one is filled up."""
    rows, kinds, weights = [], [], []
    for lesson in lessons:
        size = len(lesson.rows)
        for first in range(0, max(size - PIECE_HOURS, 0) + 1, PIECE_HOURS):
            part = slice(first, first + PIECE_HOURS)
            missing = max(PIECE_HOURS - size, 0)
            rows.append(np.pad(lesson.rows[part], ((0, missing), (0, 0))))
            kinds.append(np.pad(lesson.kinds[part], (0, missing), constant_values=-1))
            own = np.pad(lesson.weights[part], (0, missing))
            own[:_WARM_HOURS] = 0.0
            weights.append(own)
    return Lesson(np.stack(rows), np.stack(kinds), np.stack(weights))


def _norm(rows: Sequence[Singles]) -> tuple[Singles, Singles]:
    """Mean and one over deviation of the inputs."""
    some = np.concatenate([r[:, ::37].reshape(-1, r.shape[-1]) for r in rows]).astype(np.float64)
    return some.mean(0).astype(np.float32), (1 / (some.std(0) + 1e-2)).astype(np.float32)


def _batches(
    n: int, recipe: CourseRecipe, rng: np.random.Generator
) -> list[tuple[npt.NDArray[np.int64], slice]]:
    """Pieces of each batch and hours of them; one batch's follow each other."""
    size, order = min(recipe.batch, n), rng.permutation(n)
    return [
        (order[first : first + size], slice(at, at + recipe.chunk_hours))
        for first in range(0, n - size + 1, size)
        for at in range(0, PIECE_HOURS - recipe.chunk_hours + 1, recipe.chunk_hours)
    ]


def _pace(step: int, n_steps: int) -> float:
    """Share of the learning rate: rises, then falls along half a cosine."""
    fall = 0.5 * (1 + np.cos(np.pi * min(1.0, step / n_steps)))
    return float(max(min(1.0, (step + 1) / _WARM_STEPS) * fall, 0.003))


def _loss(
    found: Tensor, kinds: npt.NDArray[np.int64], weights: Singles, recipe: CourseRecipe
) -> Tensor:
    """Of the hours' being under attack, and of the template where they are."""
    kind, weight = torch.from_numpy(kinds), torch.from_numpy(weights)
    each = functional.binary_cross_entropy_with_logits(
        found[..., 0], (kind >= 0).float(), reduction="none"
    )
    total = (each * weight).sum() / weight.sum().clamp(min=1)
    struck = (kind >= 0) & (weight > 0)
    if bool(struck.any()):
        total = total + recipe.template_share * functional.cross_entropy(
            found[..., 1:][struck], kind[struck]
        )
    return total


def _finished(mean: Mapping[str, Tensor], norm: tuple[Singles, Singles]) -> Net:
    held = {name: value.detach().numpy() for name, value in mean.items()}
    return Net(
        norm[0], norm[1],
        held["lstm.weight_ih_l0"].T, held["lstm.weight_hh_l0"].T,
        held["lstm.bias_ih_l0"] + held["lstm.bias_hh_l0"],
        held["first.weight"].T, held["first.bias"], held["second.weight"].T, held["second.bias"],
    )  # fmt: skip
