"""Estimates of a noise transition T[true, given] from predicted probabilities and noisy labels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

POOLED = 0.5
"""The part of each row's errors that a pooled transition spreads evenly."""

MOSTLY = 0.7
"""How often labels are right where the search for a pooled transition begins."""

PSEUDO = 20.0
"""How many records of each class that beginning is worth: of a few labels no head has an opinion of its own."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TIE = 1e-6
"""A probability this little below its class's threshold still reaches it, so that equal ones do."""


def confident_joint(p: Floats, y: Ints) -> Ints:
    """(C, C) records that were given class i and are confidently of class j, as [given, true].

    A record is confidently of class j if its probability of j is at least the average of that over the records
    that were given j; among several such classes it is of the likeliest (Northcutt, Jiang and Chuang 2021,
    equations 1 and 2). ``p`` (n, C): out-of-sample probabilities; ``y`` (n,): given classes.
    """
    count = np.bincount(y, minlength=p.shape[1])
    own = np.bincount(y, weights=p[np.arange(len(y)), y], minlength=p.shape[1])
    threshold = np.divide(own, count, out=np.full(p.shape[1], np.inf), where=count > 0)
    confident = p >= threshold - TIE
    some = confident.any(axis=1)
    likeliest = np.where(confident, p, -1.0).argmax(axis=1)
    joint = np.zeros((p.shape[1], p.shape[1]), dtype=np.int64)
    np.add.at(joint, (y[some], likeliest[some]), 1)
    return joint


def confident_transition(p: Floats, y: Ints) -> Floats:
    """T from the confident joint, calibrated to the number of labels of each given class (their equation 3).

    A given class without any confident record is taken at its word, and so is a true class that no record is
    confidently of: its row is that of the identity.
    """
    joint = confident_joint(p, y).astype(np.float64)
    unsure = joint.sum(axis=1) == 0
    joint[unsure, unsure] = 1.0
    calibrated = joint / joint.sum(axis=1, keepdims=True) * np.bincount(y, minlength=len(joint))[:, None]
    absent = calibrated.sum(axis=0) == 0
    calibrated[absent, absent] = 1.0
    return np.asarray((calibrated / calibrated.sum(axis=0)).T)


def anchor_transition(p: Floats, quantile: float = 0.97) -> Floats:
    """T from anchor points: row i is what is predicted for a record that is surely of class i.

    The record is the one at this quantile of the predicted probability of class i; beyond it are outliers (Patrini
    et al. 2017, equations 12 and 13; their code takes 0.97 too). ``p`` (n, C): probabilities of the *given* class
    by a network that was trained on the noisy labels as they are; unlabelled records serve as well.
    """
    place = math.ceil(quantile * (len(p) - 1))
    rows = p[np.argsort(p, axis=0, kind="stable")[place]]
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


def likeliest_transition(
    p: Floats, y: Ints, start: Floats, rounds: int = 100, tolerance: float = 1e-6, pseudo: float = 0.0
) -> Floats:
    """The T under which the given classes are likeliest, by expectation-maximisation from ``start``.

    ``p`` (n, C): probabilities of the *true* class. Rounds end when no entry moves by more than ``tolerance``. A
    true class that no record is believed to be of keeps its row. ``pseudo``: how many records the start of a row is
    worth, as a Dirichlet prior.
    """
    given = np.eye(len(start))[y]
    transition = start
    for _ in range(rounds):
        joint = p * transition[:, y].T
        belief = joint / np.maximum(joint.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        mass = belief.T @ given + pseudo * start
        total = mass.sum(axis=1, keepdims=True)
        before, transition = transition, np.where(total > 0, mass / np.maximum(total, 1e-300), transition)
        if np.abs(transition - before).max() < tolerance:
            break
    return transition


def pooled_transition(p: Floats, y: Ints) -> Floats:
    """The likeliest T, half of the errors of each row spread evenly over the other classes.

    ``p`` (n, C): out-of-sample probabilities of the true class. Which classes a network confuses and which ones
    annotators confuse are alike, and predictions alone cannot tell them apart: how often labels are right comes out
    well, where the errors go less so.
    """
    classes = p.shape[1]
    found = likeliest_transition(p, y, even_errors(MOSTLY, classes), pseudo=PSEUDO)
    return np.asarray((1 - POOLED) * found + POOLED * even_errors(np.diag(found), classes))


def even_errors(right: float | Floats, classes: int) -> Floats:
    """(..., C, C) transitions that are right at the rates ``right`` and wrong in every way alike.

    ``right``: (..., C), or (..., 1) or one number where all classes have the same.
    """
    if classes == 1:
        return np.ones((*np.shape(right)[:-1], 1, 1))
    rate = np.asarray(right, dtype=np.float64)[..., None]
    return np.where(np.eye(classes, dtype=bool), rate, (1 - rate) / (classes - 1))
