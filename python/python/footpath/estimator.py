"""An estimator in the manner of scikit-learn, which need not be installed."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from ._errors import UsageError
from ._graphs import Kg, import_frames
from ._judging import Evaluation, evaluate
from ._models import Model, Recommendations, train
from ._tables import Frame

__all__ = ["PathRecommender"]


class PathRecommender:
    """Learns paths from interactions and a knowledge graph, and recommends with reasons.

    Parameters are those of `footpath.train`, and are kept as they are given until `fit`.

    >>> from footpath.estimator import PathRecommender
    >>> estimator = PathRecommender(preset="tiny", paths_per_user=5, split="none")
    >>> estimator.get_params()["preset"]
    'tiny'
    >>> estimator.set_params(hops=2).hops
    2
    """

    def __init__(
        self,
        *,
        preset: str = "small",
        hops: int = 3,
        epochs: int = 1,
        paths_per_user: int = 300,
        learning_rate: float = 3e-3,
        batch_size: int = 128,
        linear: bool = True,
        split: str = "auto",
        seed: int = 1,
        threads: int = 0,
    ) -> None:
        self.preset = preset
        self.hops = hops
        self.epochs = epochs
        self.paths_per_user = paths_per_user
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.linear = linear
        self.split = split
        self.seed = seed
        self.threads = threads

    @classmethod
    def _names(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name.

        >>> PathRecommender(hops=2).get_params()["hops"]
        2
        """
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> PathRecommender:
        """Changes parameters; raises `UsageError` (a `ValueError`) for one that there is not.

        >>> estimator = PathRecommender().set_params(hops=2, epochs=3)
        >>> estimator.hops, estimator.epochs
        (2, 3)
        """
        for name, value in params.items():
            if name not in self._names():
                raise UsageError(f"{name}: no such parameter; there are {', '.join(self._names())}")
            setattr(self, name, value)
        return self

    def fit(self, X: Frame, kg: Kg | Frame | Mapping[str, Frame]) -> PathRecommender:
        """Learns from interactions ``X`` (user_id, item_id, …) and what is known of the items: a frame of triples, the
        frames of `import_frames` by name, or a graph, which has its own interactions (``X`` is then not read).

        >>> import footpath as fp
        >>> estimator = PathRecommender(preset="tiny", paths_per_user=2, linear=False)
        >>> estimator.fit(None, fp.Kg(films)).model_.card["training"]["paths_per_user"]
        2
        """
        how: dict[str, Any] = {"split": self.split, "seed": self.seed, "threads": self.threads}
        if isinstance(kg, Kg):
            self.kg_ = kg
        elif isinstance(kg, Mapping) and "triples" in kg:
            self.kg_ = import_frames(**{**how, **kg, "interactions": X})
        else:
            self.kg_ = import_frames(interactions=X, triples=kg, **how)  # type: ignore[arg-type]
        self.model_ = train(
            self.kg_,
            preset=self.preset,  # type: ignore[arg-type]
            hops=self.hops,
            epochs=self.epochs,
            linear=self.linear,
            threads=self.threads,
            paths_per_user=self.paths_per_user,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            seed=self.seed,
        )
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks an estimator: this one takes a frame with texts in it, and looks after what is in the
        frame itself. Only scikit-learn calls this."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(two_d_array=True, string=True),
            no_validation=True,
        )

    def _fitted(self) -> Model:
        if not self.__sklearn_is_fitted__():
            raise UsageError("this PathRecommender is not fitted yet; call fit first")
        return self.model_

    def recommend(self, users: Iterable[str | int] | str | None = None, k: int = 10) -> Recommendations:
        """The best items of these users, or of all that have a train interaction.

        >>> import footpath as fp
        >>> estimator = PathRecommender(preset="tiny", paths_per_user=2, linear=False).fit(None, fp.Kg(films))
        >>> len(estimator.recommend(users=["user-001"], k=3))
        3
        """
        return self._fitted().recommend(users=users, k=k, threads=self.threads)

    def evaluate(self, k: int = 10) -> Evaluation:
        """Figures on what was held out for test.

        >>> import footpath as fp
        >>> estimator = PathRecommender(preset="tiny", paths_per_user=2, linear=False).fit(None, fp.Kg(films))
        >>> 0.0 <= estimator.evaluate(k=5)["ndcg@5"] <= 1.0
        True
        """
        return evaluate(self.kg_, self._fitted(), k)

    def __repr__(self) -> str:
        params = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"PathRecommender({params})"
