"""scikit-learn and pandas as they were called before."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import partial, wraps
from types import ModuleType

from ..imports import Actions
from ..things import Thing
from .spelling import Keywords, Name, Rules, answer, attribute, by_notebook, method, respell, signed

MOVED: Mapping[str, Sequence[str]] = {
    "sklearn.cross_validation": ("sklearn.model_selection",),
    "sklearn.grid_search": ("sklearn.model_selection",),
    "sklearn.learning_curve": ("sklearn.model_selection",),
    "sklearn.externals": (),
    "sklearn.externals.joblib": ("joblib",),
    "sklearn.externals.six": ("six",),
    "sklearn.metrics.scorer": ("sklearn.metrics",),
    "sklearn.metrics.classification": ("sklearn.metrics",),
    "sklearn.metrics.ranking": ("sklearn.metrics",),
    "sklearn.preprocessing.data": ("sklearn.preprocessing",),
    "sklearn.preprocessing.label": ("sklearn.preprocessing",),
    "sklearn.preprocessing.imputation": ("sklearn.preprocessing", "sklearn.impute"),
    "sklearn.ensemble.forest": ("sklearn.ensemble",),
    "sklearn.linear_model.logistic": ("sklearn.linear_model",),
    "sklearn.linear_model.stochastic_gradient": ("sklearn.linear_model",),
    "sklearn.neighbors.classification": ("sklearn.neighbors",),
    "sklearn.svm.classes": ("sklearn.svm",),
    "sklearn.tree.tree": ("sklearn.tree",),
    "sklearn.manifold.t_sne": ("sklearn.manifold",),
    "sklearn.decomposition.pca": ("sklearn.decomposition",),
    "sklearn.datasets.base": ("sklearn.datasets",),
    "sklearn.datasets.samples_generator": ("sklearn.datasets",),
    "sklearn.model_selection._split": ("sklearn.model_selection",),
    "sklearn.utils.testing": ("sklearn.utils",),
}
"""Module that is gone -> where its content is."""

_PLOTS = {
    "plot_confusion_matrix": "ConfusionMatrixDisplay",
    "plot_roc_curve": "RocCurveDisplay",
    "plot_precision_recall_curve": "PrecisionRecallDisplay",
    "plot_det_curve": "DetCurveDisplay",
}


def actions(session: Thing) -> Actions:
    return {
        "sklearn.metrics": partial(_metrics, session),
        "sklearn.preprocessing": partial(_preprocessing, session),
        "sklearn.linear_model": partial(_linear, session),
        "sklearn.manifold": partial(_manifold, session),
        "sklearn.ensemble": partial(_ensemble, session),
        "sklearn.model_selection": partial(_selection, session),
        "pandas": partial(_pandas, session),
    }


def stand_ins(session: Thing) -> Actions:
    return {name: partial(_forward, session, homes) for name, homes in MOVED.items()}


def _forward(session: Thing, homes: Sequence[str], module: ModuleType) -> None:
    if not by_notebook():
        raise ModuleNotFoundError(f"No module named {module.__name__!r}", name=module.__name__)
    for home in homes:
        found = importlib.import_module(home)
        vars(module).update({name: value for name, value in vars(found).items() if not name.startswith("_")})
    if homes:
        session.adapt("spelling", module.__name__, homes[0])
    else:
        answer(session, module, module.__name__, lambda name: _below(module.__name__, name))


def _below(package: str, name: str) -> Name | None:
    whole = f"{package}.{name}"
    return Name(MOVED[whole][0], lambda: importlib.import_module(whole)) if whole in MOVED else None


# --- scikit-learn ----------------------------------------------------------------------------------------------------


def _metrics(session: Thing, module: ModuleType) -> None:
    def known(name: str) -> Name | None:
        display = _PLOTS.get(name)
        if display is None:
            return None
        owner = getattr(module, display)
        return Name(f"{display}.from_estimator", lambda: owner.from_estimator)

    answer(session, module, "sklearn.metrics", known)
    _squared(session, module)
    for name, meant in (
        ("confusion_matrix", ("labels",)),
        ("classification_report", ("labels", "target_names")),
        ("f1_score", ("labels",)),
        ("precision_score", ("labels",)),
        ("recall_score", ("labels",)),
    ):
        _named(session, module, name, 2, meant)


def _squared(session: Thing, module: Thing) -> None:
    original = module.mean_squared_error

    @wraps(original)
    def mean_squared_error(*arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        squared = keywords.pop("squared", None)
        if squared is None:
            return original(*arguments, **keywords)
        session.adapt("spelling", f"mean_squared_error(squared={squared})", "root_mean_squared_error(...)")
        return (original if squared else module.root_mean_squared_error)(*arguments, **keywords)

    module.mean_squared_error = signed(mean_squared_error, original)


def _named(session: Thing, module: ModuleType, name: str, free: int, meant: Sequence[str]) -> None:
    """A function that takes more than its first ``free`` arguments by name alone now."""
    original = getattr(module, name)

    @wraps(original)
    def call(*arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        placed = dict(zip(meant, arguments[free:], strict=False))
        if not placed:
            return original(*arguments, **keywords)
        session.adapt("spelling", f"{name}(..., ...)", f"{name}({', '.join(f'{key}=...' for key in placed)})")
        return original(*arguments[:free], **placed, **keywords)

    setattr(module, name, signed(call, original))


def _construct(session: Thing, module: ModuleType, name: str, rules: Rules) -> None:
    """The class stays itself; scikit-learn reads the names of its parameters from the signature, which stays too."""
    owner = getattr(module, name, None)
    if owner is not None:
        respell(session, owner, "__init__", rules, shown=name)


def _preprocessing(session: Thing, module: ModuleType) -> None:
    _construct(
        session, module, "OneHotEncoder", {"sparse": "sparse_output", "n_values": None, "categorical_features": None}
    )

    def known(name: str) -> Name | None:
        return Name("sklearn.impute.SimpleImputer", _imputer) if name == "Imputer" else None

    answer(session, module, "sklearn.preprocessing", known)


def _imputer() -> Thing:
    return importlib.import_module("sklearn.impute").SimpleImputer


def _linear(session: Thing, module: ModuleType) -> None:
    _construct(session, module, "LogisticRegression", {"multi_class": None})
    _construct(session, module, "SGDClassifier", {"n_iter": "max_iter"})
    _construct(session, module, "Perceptron", {"n_iter": "max_iter"})


def _manifold(session: Thing, module: ModuleType) -> None:
    _construct(session, module, "TSNE", {"n_iter": "max_iter", "square_distances": None})


def _auto(value: Thing, keywords: Keywords) -> str:
    keywords["max_features"] = "sqrt" if value == "auto" else value
    return f"max_features={keywords['max_features']!r}"


def _ensemble(session: Thing, module: ModuleType) -> None:
    for name in ("AdaBoostClassifier", "BaggingClassifier", "AdaBoostRegressor", "BaggingRegressor"):
        _construct(session, module, name, {"base_estimator": "estimator", "algorithm": None})
    for name in ("RandomForestClassifier", "ExtraTreesClassifier"):
        _forest(session, getattr(module, name))


def _forest(session: Thing, owner: Thing) -> None:
    original = owner.__init__

    @wraps(original)
    def call(self: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        if keywords.get("max_features") == "auto":
            keywords["max_features"] = "sqrt"
            session.adapt("spelling", f"{owner.__name__}(max_features='auto')", "max_features='sqrt'")
        original(self, *arguments, **keywords)

    owner.__init__ = signed(call, original)


def _selection(session: Thing, module: ModuleType) -> None:
    for name in ("GridSearchCV", "RandomizedSearchCV"):
        _construct(session, module, name, {"iid": None, "fit_params": None})
    for name in ("KFold", "StratifiedKFold"):
        _construct(session, module, name, {"n_folds": "n_splits"})


# --- pandas ----------------------------------------------------------------------------------------------------------


def _pandas(session: Thing, module: ModuleType) -> None:
    for owner, kind in ((module.DataFrame, "df"), (module.Series, "series")):
        method(session, owner, f"{kind}.append", "pd.concat([...])", partial(_append, module))
        method(session, owner, f"{kind}.iteritems", f"{kind}.items()", lambda frame: frame.items())
        method(session, owner, f"{kind}.as_matrix", f"{kind}.to_numpy()", _as_matrix)
        method(session, owner, f"{kind}.get_values", f"{kind}.to_numpy()", lambda frame: frame.to_numpy())
        method(session, owner, f"{kind}.mad", "", _mad)
        _filled(session, owner)
        _dropping(session, owner)
        attribute(session, owner, f"{kind}.ix", "df.loc[...] or df.iloc[...]", Index)
    frame = module.DataFrame
    method(session, frame, "df.applymap", "df.map(...)", lambda table, *given, **named: table.map(*given, **named))
    method(session, frame, "df.get_value", "df.at[...]", lambda table, row, column: table.at[row, column])
    method(session, frame, "df.sort", "df.sort_values(...)", _sort)
    _pivoting(session, frame)
    gone: Rules = dict.fromkeys(("warn_bad_lines", "squeeze", "infer_datetime_format", "prefix"), None)
    respell(session, module, "read_csv", {"error_bad_lines": _bad_lines, **gone}, shown="pd.read_csv")
    answer(session, module, "pd", partial(_pandas_name, module))


def _pandas_name(module: Thing, name: str) -> Name | None:
    if name == "np":
        return Name("import numpy as np", lambda: importlib.import_module("numpy"))
    if name == "datetime":
        return Name("datetime.datetime", lambda: importlib.import_module("datetime").datetime)
    if name == "value_counts":
        return Name(
            "series.value_counts()", lambda: lambda values, **named: module.Series(values).value_counts(**named)
        )
    if name in ("Int64Index", "Float64Index", "UInt64Index"):
        return Name("pd.Index", lambda: module.Index)
    return None


def _append(module: Thing, frame: Thing, other: Thing, ignore_index: bool = False, **named: Thing) -> Thing:
    listed = list(other) if isinstance(other, (list, tuple)) else [other]
    if hasattr(frame, "columns"):
        listed = [
            module.DataFrame([part]) if isinstance(part, (dict, module.Series)) else part
            for part in ([listed] if listed and isinstance(listed[0], (list, tuple)) else listed)
        ]
    parts = [frame, *listed] if len(frame) or not hasattr(frame, "columns") or not len(listed) else listed
    joined = module.concat(parts, ignore_index=ignore_index, sort=bool(named.get("sort", False)))
    if hasattr(frame, "columns") and not len(frame):
        extra = [column for column in joined.columns if column not in frame.columns]
        joined = joined.reindex(columns=[*frame.columns, *extra])
    return joined


def _as_matrix(frame: Thing, columns: Thing = None) -> Thing:
    return (frame if columns is None else frame[columns]).to_numpy()


def _mad(frame: Thing, *_arguments: Thing, **_keywords: Thing) -> Thing:
    return (frame - frame.mean()).abs().mean()


def _sort(frame: Thing, columns: Thing = None, ascending: Thing = True, **named: Thing) -> Thing:
    return (
        frame.sort_index(ascending=ascending)
        if columns is None
        else frame.sort_values(columns, ascending=ascending, **named)
    )


def _bad_lines(value: Thing, keywords: Keywords) -> str:
    keywords["on_bad_lines"] = "error" if value else "skip"
    return f"on_bad_lines={keywords['on_bad_lines']!r}"


class Index:
    """``df.ix``: by label, and by place where the index does not count and the key does."""

    def __init__(self, frame: Thing) -> None:
        self.frame = frame

    def __getitem__(self, key: Thing) -> Thing:
        try:
            return self.frame.loc[key]
        except (KeyError, TypeError):
            return self.frame.iloc[key]

    def __setitem__(self, key: Thing, value: Thing) -> None:
        self.frame.loc[key] = value


def _filled(session: Thing, owner: Thing) -> None:
    original = owner.fillna

    @wraps(original)
    def fillna(self: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        way = keywords.pop("method", None)
        if way is None:
            return original(self, *arguments, **keywords)
        today = "ffill" if way in ("ffill", "pad") else "bfill"
        session.adapt("spelling", f"fillna(method={way!r})", f"{today}()")
        return getattr(self, today)(**keywords)

    owner.fillna = signed(fillna, original)


def _dropping(session: Thing, owner: Thing) -> None:
    original = owner.drop

    @wraps(original)
    def drop(self: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if len(arguments) > 1:
            session.adapt("spelling", f"drop(..., {arguments[1]!r})", f"drop(..., axis={arguments[1]!r})")
            keywords = {**dict(zip(("axis", "index", "columns"), arguments[1:], strict=False)), **keywords}
        return original(self, *arguments[:1], **keywords)

    owner.drop = signed(drop, original)


def _pivoting(session: Thing, owner: Thing) -> None:
    original = owner.pivot

    @wraps(original)
    def pivot(self: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        named = dict(zip(("index", "columns", "values"), arguments, strict=False))
        if named:
            session.adapt("spelling", "df.pivot(..., ...)", "df.pivot(index=..., columns=..., values=...)")
        return original(self, **named, **keywords)

    owner.pivot = signed(pivot, original)
