"""The estimator by scikit-learn's own checks, as far as they apply."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import footpath as fp
from footpath.estimator import PathRecommender

pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402

SMALL: dict[str, Any] = {"preset": "tiny", "paths_per_user": 4, "linear": False, "split": "none", "threads": 1}
CHOSEN = {"user_id": [1, 1, 2, 2], "item_id": ["a", "b", "a", "c"]}
TRIPLES = {"head": ["a", "b", "c", "d"], "relation": ["by"] * 4, "tail": ["x", "x", "y", "x"]}

MATRIX = "it fits a matrix of numbers; X is a frame of user_id and item_id, and a graph must come with it"
DOES_NOT_APPLY = {
    "check_fit_score_takes_y": "the second argument of fit is the graph, and it is called kg",
    "check_positive_only_tag_during_fit": MATRIX,
    "check_readonly_memmap_input": MATRIX,
    "check_estimators_dtypes": MATRIX,
    "check_f_contiguous_array_estimator": MATRIX,
    "check_pipeline_consistency": MATRIX,
    "check_fit2d_1sample": MATRIX,
    "check_fit2d_1feature": MATRIX,
    "check_methods_sample_order_invariance": MATRIX,
    "check_methods_subset_invariance": MATRIX,
    "check_estimator_sparse_tag": "there is no sparse frame",
    "check_estimator_sparse_array": "there is no sparse frame",
    "check_estimator_sparse_matrix": "there is no sparse frame",
    # These are done below, on frames.
    "check_estimators_overwrite_params": MATRIX,
    "check_dont_overwrite_parameters": MATRIX,
    "check_estimators_fit_returns_self": MATRIX,
    "check_estimators_pickle": MATRIX,
    "check_dict_unchanged": MATRIX,
    "check_fit_idempotent": MATRIX,
    "check_fit_check_is_fitted": MATRIX,
}


def test_the_checks_of_scikit_learn() -> None:
    with pytest.warns(UserWarning, match="does not inherit from `sklearn.base.BaseEstimator`"):
        found = check_estimator(
            PathRecommender(**SMALL), expected_failed_checks=DOES_NOT_APPLY, on_skip=None, on_fail=None
        )
    by_status: dict[str, set[str]] = {}
    for check in found:
        by_status.setdefault(check["status"], set()).add(check["check_name"])
    assert by_status.get("failed", set()) == set()
    assert len(by_status["passed"]) >= 12
    passed_after_all = by_status["passed"] & set(DOES_NOT_APPLY)
    assert passed_after_all == set(), "what passes is no exception"


@pytest.fixture(scope="module")
def fitted() -> PathRecommender:
    return PathRecommender(**SMALL).fit(CHOSEN, TRIPLES)


def test_fitting_changes_no_parameter_and_adds_only_what_ends_in_an_underscore() -> None:
    estimator = PathRecommender(**SMALL)
    before, attributes = copy.deepcopy(estimator.get_params()), set(vars(estimator))
    assert estimator.fit(CHOSEN, TRIPLES) is estimator
    assert estimator.get_params() == before
    assert all(name.endswith("_") for name in set(vars(estimator)) - attributes)


def test_whether_it_is_fitted_is_known(fitted: PathRecommender) -> None:
    check_is_fitted(fitted)
    for unfitted in (PathRecommender(**SMALL), clone(fitted)):
        with pytest.raises(NotFittedError):
            check_is_fitted(unfitted)


def test_fitting_again_gives_the_same(fitted: PathRecommender) -> None:
    again = clone(fitted).fit(CHOSEN, TRIPLES)
    assert again.recommend(k=3).to_dicts() == fitted.recommend(k=3).to_dicts()
    assert clone(fitted).fit(CHOSEN, TRIPLES).fit(CHOSEN, TRIPLES).kg_.hash == fitted.kg_.hash


def test_recommending_changes_nothing(fitted: PathRecommender) -> None:
    before = dict(vars(fitted))
    fitted.recommend([1], k=2)
    assert vars(fitted) == before


def test_it_comes_back_from_a_pickle(fitted: PathRecommender) -> None:
    for estimator in (fitted, clone(fitted)):
        again = pickle.loads(pickle.dumps(estimator))
        assert again.get_params() == estimator.get_params()
    assert pickle.loads(pickle.dumps(fitted)).recommend([1], k=2).to_dicts() == fitted.recommend([1], k=2).to_dicts()


def test_a_matrix_is_refused_in_words() -> None:
    numpy = pytest.importorskip("numpy")
    with pytest.raises(fp.UsageError, match="is no frame"):
        PathRecommender(**SMALL).fit(numpy.zeros((4, 2)), TRIPLES)
