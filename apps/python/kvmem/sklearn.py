"""A memory as a transformer of scikit-learn, which this module imports."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin  # type: ignore
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted  # type: ignore

from ._kvmem import Store

try:
    from sklearn.utils.validation import validate_data as _validated
except ImportError:  # before 1.6

    def _validated(estimator, *args, **options):
        return estimator._validate_data(*args, **options)


class MemoryTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Makes of each row what attention reads for it in a memory of the training rows.

    The rows of fit() are the keys, and `y`, numbers [n] or [n, E], are the values; without it the rows are. A row of
    transform() becomes the mean of the values, weighted by the softmax of scores by `metric` ('euclidean', 'cosine' or
    'dot') over `temperature`, of the best `top_k` slots. 0 reads all slots; sums then differ in their last bits with
    the rows beside. The store is `store_`. Rows and `y` are stored as float32; transform() gives the type of its rows.
    """

    def __init__(self, *, metric: str = "euclidean", top_k: int = 10, temperature: float = 1.0) -> None:
        self.metric = metric
        self.top_k = top_k
        self.temperature = temperature

    def fit(self, X, y=None) -> MemoryTransformer:  # noqa: N803
        """Takes the rows as the memory."""
        keys = _validated(self, X, dtype=(np.float64, np.float32))
        values = keys if y is None else check_array(y, ensure_2d=False, dtype=np.float32)
        check_consistent_length(keys, values)
        values = values.reshape(len(keys), -1)
        store = Store(key_width=keys.shape[1], value_width=values.shape[1], metric=self.metric)
        store.add(None, keys, values=values)
        self.store_, self._n_features_out = store, values.shape[1]
        return self

    def transform(self, X):  # noqa: N803
        """What is read for each row, [n, E]."""
        check_is_fitted(self)
        queries = _validated(self, X, dtype=(np.float64, np.float32), reset=False)
        read = self.store_.read(queries, top_k=self.top_k, temperature=self.temperature)
        return np.asarray(read.values).astype(queries.dtype)
