"""Paths for models of your own in torch: fresh draws for ever, and the legal alternatives to every token.

Needs torch, which is not installed with Footpath.
"""

# Without torch or LensKit, pyright takes a module of this package for it.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy
import torch
from torch.utils.data import IterableDataset, get_worker_info

from . import _native
from ._errors import UsageError
from ._graphs import Kg, Law
from ._progress import Watched
from ._shapes import End, PathLike, shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LegalCollator", "PathDataset"]

BLOCK = 256
"""Users whose paths are drawn, and shuffled, together."""
TOGETHER = 64
"""Batches that are made together of what was drawn."""
IGNORED = -100
"""The label of a token that is not to be predicted, as transformers have it."""


class PathDataset(IterableDataset[dict[str, Any]]):
    """Paths as rows of tokens, drawn fresh for ever.

    Each process (``rank`` of ``world_size``, those of ``torch.distributed`` unless given) and each worker of a
    ``DataLoader`` draws for its own users, so that together they draw for all and for nobody twice. What is drawn is a
    function of the seed, the user and the number of the draw. `state_dict` says where an iteration stands, and
    `load_state_dict` lets the next one go on there: for the dataset as it is iterated in this process, or by
    torchdata's ``StatefulDataLoader`` in its workers.

    An element is a dict with ``input_ids`` (`torch.int64`, tokens of the path) and ``number`` (of the row, for
    `LegalCollator`). With ``batch_size`` it is that many paths at once, which costs far less than to put them together
    one by one: ``input_ids``, ``attention_mask`` and ``labels`` are batch × `width`, padded with 0, and with -100 the
    labels, which have that for the first token as well (the user); give the ``DataLoader`` ``batch_size=None`` then.
    Batches are views of what was drawn together. The numbers of tokens are those of `Kg.words` and of the tokenizer
    that `Model.to_huggingface` writes.

    >>> import footpath as fp
    >>> next(iter(fp.torch.PathDataset(films, hops=3, batch_size=8)))["input_ids"].shape
    torch.Size([8, 7])
    """

    def __init__(
        self,
        kg: Kg | PathLike,
        *,
        hops: int | None = None,
        pattern: str | None = None,
        pattern_preset: str | None = None,
        patterns: PathLike | None = None,
        end: End = "train",
        law: Law = "uniform-end",
        damping: float = 1.0,
        paths_per_user: int = 300,
        epochs: int | None = None,
        batch_size: int | None = None,
        seed: int = 1,
        rank: int | None = None,
        world_size: int | None = None,
        threads: int = 1,
    ) -> None:
        """By default paths are drawn by the law that ``footpath train`` draws by. ``epochs`` ends the iteration after
        so many times ``paths_per_user`` draws of each user; ``None`` goes on for ever. A batch is of paths that were
        drawn together, for 256 users, and the last of these may be smaller. ``threads`` is for each worker."""
        super().__init__()
        if paths_per_user < 1:
            raise UsageError(f"paths_per_user: must be at least 1, got {paths_per_user}")
        if batch_size is not None and batch_size < 1:
            raise UsageError(f"batch_size: must be at least 1, got {batch_size}")
        self.kg = kg if isinstance(kg, Kg) else Kg(kg)
        self._shape = shape(hops, pattern, pattern_preset, patterns) or ("hops", "3")
        self._spec = json.dumps({"law": law, "damping": damping, "ends": end, "seed": seed})
        self._seed = seed
        self._threads = threads
        self.paths_per_user = paths_per_user
        self.epochs = epochs
        self.batch_size = batch_size
        self._rank, self._world_size = _place(rank, world_size)
        self._draws: _native.Draws | None = None
        self._at = {"epoch": 0, "block": 0, "row": 0}

    @property
    def draws(self) -> _native.Draws:
        """What draws, made in the process that draws.

        >>> import footpath as fp
        >>> fp.torch.PathDataset(films, hops=3).draws.width()
        7
        """
        if self._draws is None:
            with Watched(self._threads, False) as call:
                self._draws = _native.Draws.prepare(self.kg.native, self._shape, self._spec, call)
        return self._draws

    @property
    def width(self) -> int:
        """Tokens of the longest path.

        >>> import footpath as fp
        >>> fp.torch.PathDataset(films, hops=2).width
        5
        """
        return self.draws.width()

    def state_dict(self) -> dict[str, int]:
        """Where the iteration stands: plain numbers.

        >>> import footpath as fp
        >>> dataset = fp.torch.PathDataset(films, hops=3, batch_size=8)
        >>> _ = next(iter(dataset))
        >>> dataset.state_dict()
        {'epoch': 0, 'block': 0, 'row': 8}
        """
        return dict(self._at)

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Lets the next iteration go on where another stood.

        >>> import footpath as fp
        >>> dataset, again = (fp.torch.PathDataset(films, hops=3, batch_size=8) for _ in range(2))
        >>> batches = iter(dataset)
        >>> _ = next(batches)
        >>> again.load_state_dict(dataset.state_dict())
        >>> bool((next(batches)["input_ids"] == next(iter(again))["input_ids"]).all())
        True
        """
        self._at = {name: int(state[name]) for name in ("epoch", "block", "row")}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        users = self._own_users()
        blocks = [users[first : first + BLOCK] for first in range(0, len(users), BLOCK)]
        at = self._at
        while blocks and (self.epochs is None or at["epoch"] < self.epochs):
            order = numpy.random.default_rng([self._seed, 1, at["epoch"]]).permutation(len(blocks))
            while at["block"] < len(blocks):
                number = int(order[at["block"]])
                rows, order_of_rows = self._rows(blocks[number], at["epoch"], number)
                key = (at["epoch"] * len(blocks) + number) * BLOCK * self.paths_per_user
                for element in _elements(rows, order_of_rows[at["row"] :], self.batch_size):
                    element["number"] = key + at["row"]
                    at["row"] += self.batch_size or 1
                    yield element
                at["block"], at["row"] = at["block"] + 1, 0
            at["epoch"], at["block"] = at["epoch"] + 1, 0
        self._at = {"epoch": 0, "block": 0, "row": 0}

    def _own_users(self) -> list[int]:
        """The numbers of the users that this worker of this process draws for."""
        worker = get_worker_info()
        place, of = (0, 1) if worker is None else (worker.id, worker.num_workers)
        number, step = self._rank * of + place, self._world_size * of
        return list(range(number, len(self.kg.users()), step))

    def _rows(self, users: Sequence[int], epoch: int, block: int) -> tuple[NDArray[numpy.uint32], NDArray[numpy.int64]]:
        """Paths of some users, and the order in which they are given."""
        first = epoch * self.paths_per_user
        with Watched(self._threads, False) as call:
            drawn = self.draws.rows(list(users), first, first + self.paths_per_user, call)
        rows = numpy.frombuffer(drawn, dtype=numpy.uint32).reshape(-1, self.draws.width())
        shuffler = numpy.random.default_rng([self._seed, 2, epoch, self._rank, block, users[0]])
        return rows, shuffler.permutation(len(rows))

    def __getstate__(self) -> dict[str, Any]:
        # A worker that was spawned makes its own.
        return {**self.__dict__, "_draws": None}


def _place(rank: int | None, world_size: int | None) -> tuple[int, int]:
    if (rank is None) != (world_size is None):
        raise UsageError("give rank and world_size, or neither")
    if rank is None or world_size is None:
        distributed = torch.distributed
        if distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
        return 0, 1
    if not 0 <= rank < world_size:
        raise UsageError(f"rank: must be from 0 to world_size - 1, got {rank} of {world_size}")
    return rank, world_size


def _elements(
    rows: NDArray[numpy.uint32], order: NDArray[numpy.int64], batch_size: int | None
) -> Iterator[dict[str, Any]]:
    """Rows in an order, one by one or in batches. Some batches are made together: one is so small that each call of
    torch for it would take longer than what it does, and all would not stay in the cache of the processor."""
    together = TOGETHER * (batch_size or 1)
    for first in range(0, len(order), together):
        # Six times as fast as `rows[…]`; the order has no place that is none.
        some = numpy.take(rows, order[first : first + together], axis=0, mode="clip")
        yield from _one_by_one(some) if batch_size is None else _batches(some, batch_size)


def _one_by_one(rows: NDArray[numpy.uint32]) -> Iterator[dict[str, Any]]:
    """Paths without their padding."""
    for row in rows:
        yield {"input_ids": torch.from_numpy(row[row != 0].astype(numpy.int64))}


def _batches(rows: NDArray[numpy.uint32], size: int) -> Iterator[dict[str, Any]]:
    inputs = torch.from_numpy(rows.astype(numpy.int64))
    names = ("input_ids", "attention_mask", "labels")
    for parts in zip(inputs.split(size), *(whole.split(size) for whole in _mask_and_labels(inputs))):
        yield dict(zip(names, parts))


def _mask_and_labels(inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    # Padding is at the end. Where all paths are of one length there is none to look for.
    if bool(inputs[:, -1].all()):
        mask, labels = torch.ones_like(inputs), inputs.clone()
    else:
        there = inputs != 0
        mask, labels = there.to(torch.int64), inputs.masked_fill(~there, IGNORED)
    labels[:, 0] = IGNORED
    return mask, labels


def _together(elements: Sequence[Mapping[str, Any]]) -> torch.Tensor:
    """Paths one by one as rows of the same length, padded with 0."""
    width = max(len(element["input_ids"]) for element in elements)
    inputs = torch.zeros((len(elements), width), dtype=torch.int64)
    for row, element in enumerate(elements):
        inputs[row, : len(element["input_ids"])] = element["input_ids"]
    return inputs


class LegalCollator:
    """Makes batches of paths: input ids, labels, and for each label the legal alternatives; of paths one by one, or of
    batches that the data set draws.

    A batch has

    - ``input_ids``, ``attention_mask``: batch × tokens;
    - ``labels``: batch × tokens, -100 where nothing is to be predicted: the first token (the user) and padding;
    - with ``rivals`` above 0, ``candidates``: batch × tokens × (1 + rivals), the true token first, then tokens that
      could have stood there on the way to an item that the user has not chosen, padded with 0; ``candidate_mask``: of
      the same shape, whether there is one; ``log_weights``: batch × tokens, the natural logarithm of how many tokens
      each rival stands for (0 where all are there): add it to the rivals' scores, and cross-entropy over the
      candidates is the sampled softmax among legal tokens.

    ``loss`` computes that from the logits of any causal model of transformers.

    >>> import footpath as fp
    >>> dataset = fp.torch.PathDataset(films, hops=3, batch_size=8)
    >>> batch = LegalCollator(dataset, rivals=4)(next(iter(dataset)))
    >>> batch["labels"].shape, bool((batch["candidates"][:, :, 0] == batch["input_ids"]).all())
    (torch.Size([8, 7]), True)
    """

    def __init__(self, dataset: PathDataset, *, rivals: int = 0) -> None:
        self._dataset = dataset
        self.rivals = rivals

    def __call__(self, elements: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> dict[str, torch.Tensor]:
        if isinstance(elements, Mapping):
            batch = dict(elements)
            first = int(batch.pop("number"))
        else:
            inputs, first = _together(elements), int(elements[0]["number"])
            mask, labels = _mask_and_labels(inputs)
            batch = {"input_ids": inputs, "attention_mask": mask, "labels": labels}
        if self.rivals > 0:
            batch |= self._candidates(batch["input_ids"], first)
        return batch

    def _candidates(self, inputs: torch.Tensor, first: int) -> dict[str, torch.Tensor]:
        draws = self._dataset.draws
        padded = numpy.zeros((len(inputs), draws.width()), dtype=numpy.uint32)
        padded[:, : inputs.shape[1]] = inputs.numpy()
        with Watched(self._dataset._threads, False) as call:
            tokens_raw, ends_raw, weights_raw = draws.rivals(padded.tobytes(), self.rivals, first, call)
        tokens = numpy.frombuffer(tokens_raw, dtype=numpy.uint32)
        ends = numpy.frombuffer(ends_raw, dtype=numpy.uint32).reshape(padded.shape)[:, : inputs.shape[1]]
        weights = numpy.frombuffer(weights_raw, dtype=numpy.float32).reshape(padded.shape)[:, : inputs.shape[1]]
        starts = numpy.concatenate(([0], numpy.frombuffer(ends_raw, dtype=numpy.uint32)[:-1]))
        starts = starts.reshape(padded.shape)[:, : inputs.shape[1]]
        most = int((ends - starts).max(initial=0))
        candidates = numpy.zeros((*inputs.shape, 1 + most), dtype=numpy.int64)
        candidates[:, :, 0] = inputs.numpy()
        counts = (ends - starts).astype(numpy.int64)
        slots = numpy.arange(most)
        there = slots < counts[:, :, None]
        candidates[:, :, 1:][there] = tokens[(starts[:, :, None] + slots)[there]]
        mask = numpy.concatenate((numpy.ones((*inputs.shape, 1), dtype=bool), there), axis=2)
        return {
            "candidates": torch.from_numpy(candidates),
            "candidate_mask": torch.from_numpy(mask),
            "log_weights": torch.from_numpy(weights.copy()),
        }

    @staticmethod
    def loss(logits: torch.Tensor, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Mean over the labels of the cross-entropy of the true token among its legal candidates, in nats.

        ``logits``: batch × tokens × vocabulary, as a causal model gives them: those at a place are for the next one.

        >>> import footpath as fp
        >>> dataset = fp.torch.PathDataset(films, hops=3, batch_size=8)
        >>> batch = LegalCollator(dataset, rivals=4)(next(iter(dataset)))
        >>> logits = torch.zeros((8, 7, len(dataset.kg.words())))
        >>> LegalCollator.loss(logits, batch).item() > 0.0
        True
        """
        candidates, mask = batch["candidates"][:, 1:], batch["candidate_mask"][:, 1:]
        scores = logits[:, :-1].gather(2, candidates)
        scores = scores + torch.cat(
            (torch.zeros_like(scores[:, :, :1]), batch["log_weights"][:, 1:, None].expand(-1, -1, scores.shape[2] - 1)),
            dim=2,
        )
        scores = scores.masked_fill(~mask, float("-inf"))
        losses = torch.logsumexp(scores, dim=2) - scores[:, :, 0]
        counted = batch["labels"][:, 1:] != IGNORED
        total: torch.Tensor = losses[counted].sum() / counted.sum().clamp(min=1)
        return total
