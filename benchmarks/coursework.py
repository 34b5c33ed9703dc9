"""Notebooks as students of the course write them, of any size: what the benchmarks grade, here and with other tools.

python benchmarks/coursework.py FOLDER --students 8 --images 4000 --epochs 1
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

Notebook = dict[str, Any]

IMPORTS = """import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import rotate
from sklearn.metrics import confusion_matrix
from tensorflow.keras.datasets import mnist
from tensorflow.keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import Adam
from tensorflow.keras.utils import to_categorical"""

DATA = """(X_train, y_train), (X_test, y_test) = mnist.load_data()
X_train = X_train[:{images}].reshape(-1, 28, 28, 1) / 255.0
X_test = X_test[:{tests}].reshape(-1, 28, 28, 1) / 255.0
y_test = y_test[:{tests}]
y_train_cat = to_categorical(y_train[:{images}], 10)
y_test_cat = to_categorical(y_test, 10)"""

MODEL = """def {name}():
    model = Sequential([
        Input(shape=(28, 28, 1)),
{layers}
        Dense(10, activation='softmax'),
    ])
    model.compile(optimizer={optimizer}, loss='categorical_crossentropy', metrics=['accuracy'])
    return model"""

BASE = (
    "Conv2D(32, (3, 3), activation='relu')",
    "MaxPooling2D((2, 2))",
    "Conv2D(64, (3, 3), activation='relu')",
    "MaxPooling2D((2, 2))",
    "Flatten()",
    "Dense(128, activation='relu')",
)

FIRST = """baseline_model = create_baseline_model()
baseline_history = baseline_model.fit(
    X_train, y_train_cat, epochs={epochs}, batch_size=128, validation_split=0.2, verbose=1
)
baseline_score = baseline_model.evaluate(X_test, y_test_cat, verbose=0)
print(f"Modèle de référence - Précision: {{baseline_score[1] * 100:.2f}}%")"""

EVALUATE = """def evaluate_model(model_creator, model_name, epochs={epochs}):
    model = model_creator()
    start_time = time.time()
    history = model.fit(X_train, y_train_cat, epochs=epochs, batch_size=128, validation_split=0.2, verbose=1)
    training_time = time.time() - start_time
    test_accuracy = model.evaluate(X_test, y_test_cat, verbose=0)[1]
    figure, axes = plt.subplots(1, 2, figsize=(12, 4))
    for axis, metric in zip(axes, ('accuracy', 'loss')):
        axis.plot(history.history[metric], label='Train')
        axis.plot(history.history['val_' + metric], label='Validation')
        axis.set_title(f'{{model_name}} - {{metric}}')
        axis.set_xlabel('Époque')
        axis.legend()
    plt.show()
    return {{'accuracy': test_accuracy, 'training_time': training_time, 'model': model}}"""

ERRORS = """predicted = best_model.predict(X_test, verbose=0).argmax(axis=1)
plt.imshow(confusion_matrix(y_test, predicted))
plt.title('Matrice de confusion')
plt.xlabel('Chiffre prédit')
plt.ylabel('Chiffre réel')
plt.show()"""

ROBUSTNESS = """rng = np.random.default_rng(0)
noisy = np.clip(X_test + rng.normal(0, 0.1, X_test.shape), 0, 1)
angles = rng.uniform(-15, 15, len(X_test))
turned = np.stack([rotate(image, angle, reshape=False) for image, angle in zip(X_test, angles)])
robustness = [best_model.evaluate(images, y_test_cat, verbose=0)[1] for images in (X_test, noisy, turned)]
plt.bar(['Normal', 'Bruit', 'Rotation'], robustness)
plt.title('Robustesse')
plt.show()"""

COMPARISON = """for name, result in results.items():
    print(f"{name}: précision {result['accuracy']:.4f}, temps {result['training_time']:.1f} s")"""

Change = tuple[str, tuple[str, ...], str]
CHANGES: tuple[Change, ...] = (
    ("Dropout 0,25", (*BASE[:5], "Dropout(0.25)", BASE[5]), "'adam'"),
    ("Batch normalization", (BASE[0], "BatchNormalization()", *BASE[1:]), "'adam'"),
    ("Taux d'apprentissage 0,002", BASE, "Adam(learning_rate=0.002)"),
    ("Dropout 0,5", (*BASE, "Dropout(0.5)"), "'adam'"),
    ("RMSprop", BASE, "'rmsprop'"),
    ("Couche dense de 256", (*BASE[:5], "Dense(256, activation='relu')"), "'adam'"),
    ("Noyaux 5 × 5", ("Conv2D(32, (5, 5), activation='relu')", *BASE[1:]), "'adam'"),
    ("Plus de filtres", (*BASE[:2], "Conv2D(96, (3, 3), activation='relu')", *BASE[3:]), "'adam'"),
)
"""Title, layers and optimiser; a student tries three of them."""


def coursework(number: int, *, images: int, epochs: int, tests: int = 2000) -> Notebook:
    """That of student ``number``: the baseline twice, three changes, errors, robustness, comparison."""
    mine = [CHANGES[(number + step) % len(CHANGES)] for step in (0, 1, 3)]
    cells = [
        text(f"# Amélioration d'un modèle : travail de l'étudiant {number + 1}\n\nLe but est un modèle plus précis."),
        code(IMPORTS),
        code(DATA.format(images=images, tests=tests)),
        text("## Modèle de référence"),
        code(model("create_baseline_model", BASE, "'adam'")),
        code(FIRST.format(epochs=epochs)),
        text(
            "## Améliorations\n\nChaque modification est comparée au modèle de référence parce que lui seul est connu."
        ),
        *(code(model(f"create_improved_model_{place}", *change[1:])) for place, change in enumerate(mine, 1)),
        code(EVALUATE.format(epochs=epochs)),
        code("baseline_results = evaluate_model(create_baseline_model, 'Modèle de référence')"),
        *(
            code(f"model{place}_results = evaluate_model(create_improved_model_{place}, {change[0]!r})")
            for place, change in enumerate(mine, 1)
        ),
        code(
            "results = {'Modèle de référence': baseline_results, "
            + ", ".join(f"{change[0]!r}: model{place}_results" for place, change in enumerate(mine, 1))
            + "}\nbest_model = max(results.values(), key=lambda result: result['accuracy'])['model']"
        ),
        text("## Analyse des erreurs"),
        code(ERRORS),
        text("## Robustesse"),
        code(ROBUSTNESS),
        text("## Comparaison"),
        code(COMPARISON),
        text("## Conclusion\n\nLe meilleur modèle est retenu car sa précision sur le jeu de test est la plus haute."),
    ]
    return notebook(cells)


def reading(notebook: Notebook, file: Path) -> Notebook:
    """The same notebook, for where no data set is served: it reads the file, whose bytes Keras might not know."""
    opened = f"with np.load({str(file)!r}) as data:\n    (X_train, y_train), (X_test, y_test) = "
    read = opened + "((data['x_train'], data['y_train']), (data['x_test'], data['y_test']))"
    load = "(X_train, y_train), (X_test, y_test) = mnist.load_data()"
    cells = [{**cell, "source": cell["source"].replace(load, read)} for cell in notebook["cells"]]
    return {**notebook, "cells": cells}


def reference(*, images: int, epochs: int, tests: int = 2000) -> Notebook:
    """The teacher's own baseline, on the same data: trained as the students' notebooks begin."""
    return notebook(
        [
            code(IMPORTS),
            code(DATA.format(images=images, tests=tests)),
            code(model("create_baseline_model", BASE, "'adam'")),
            code(FIRST.format(epochs=epochs)),
            code(EVALUATE.format(epochs=epochs)),
            code("baseline_results = evaluate_model(create_baseline_model, 'Modèle de référence')"),
        ]
    )


def model(name: str, layers: tuple[str, ...], optimizer: str) -> str:
    return MODEL.format(name=name, layers="\n".join(f"        {layer}," for layer in layers), optimizer=optimizer)


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, **metadata: object) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source}


def notebook(cells: list[dict[str, Any]]) -> Notebook:
    numbered = [{"id": f"cell-{number}", **cell} for number, cell in enumerate(cells)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": numbered, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def write(folder: Path, students: int, *, images: int, epochs: int) -> list[Path]:
    """``student-1.ipynb`` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"student-{number + 1}.ipynb" for number in range(students)]
    for number, path in enumerate(paths):
        path.write_text(json.dumps(coursework(number, images=images, epochs=epochs)), "utf-8")
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--students", type=int, default=8)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=1)
    given = parser.parse_args()
    for path in write(given.folder, given.students, images=given.images, epochs=given.epochs):
        print(path)


if __name__ == "__main__":
    main()
