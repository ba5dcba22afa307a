"""Can one tell from synthetic windows whose windows the generator was trained on: how well `membership` attacks.

AUC 0.5 is best (a coin), 1 is worst: every member is told. High values prove a leak, but a number near 0.5 proves no
privacy: these are three attacks, and distance to the closest record is blind to much (arXiv 2505.01524).

By window, members are those of `fit` and non-members those of `held_out_time`: the same people and activities. A
bootstrap copy of `fit` holds 63 % of its windows, so whole windows tell little more than those, an AUC of 0.82 to 0.87;
where windows overlap by half, `halves` find the others in their neighbours (UCI HAR: 0.97). The two sides are not
quite exchangeable: `held_out_time` comes last in each recording, one window after the fit windows. Nothing is shared
across that gap, but people drift, so read AUC beside that of windows whose maker never saw `fit`: other people's have
0.46 to 0.52 on UCI HAR, single classes 0.41 to 0.59.

By person, members are those of `fit` and non-members those of `validation`; the score is the mean over the person's
windows. It tells whose windows the synthetic ones are like, copied or not: UCI HAR's `held_out_time` in their place has
0.65 in time and 0.87 in spectrum. There are few people: `members` and `non_members` say how many, and
`stddev_without_leak` how far from 0.5 chance takes AUC (Mann and Whitney, 1947).
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from sensegen.evaluation.interval import Null, null
from sensegen.evaluation.membership import ATTACKS, WHOLE, Attacked, Sides, attack
from sensegen.windows import Windows

FALSE_POSITIVES = 0.01
NOBODY = null("no class has windows on every side")

Scores = Float[np.ndarray, "candidate"]
Member = Bool[np.ndarray, "candidate"]


def by_window(sides: Sides, seed: int) -> dict[str, Any]:
    """AUC and the true positives at 1 % false positives of each attack on windows, both in 0 to 1.

    `auc` is the mean over classes, of which `per_class` has each; the true positives are of all windows by one
    threshold (best 0.01).

    Raises:
        ValueError: if the sides have different classes, or a value is not finite.
    """
    return {kind: _of_windows(attack(sides, kind, seed), sides.synthetic.classes) for kind in ATTACKS}


def by_subject(sides: Sides, seed: int) -> dict[str, Any]:
    """AUC and the true positives at 1 % false positives of the attacks by whole windows on people, both in 0 to 1.

    Raises:
        ValueError: if the sides have different classes, a value is not finite, or someone is on two sides.
    """
    _no_one_twice(sides.members, sides.non_members, sides.reference)
    return {kind: _of_people(attack(sides, kind, seed)) for kind in WHOLE}


def _of_windows(attacked: Attacked, classes: tuple[str, ...]) -> dict[str, Any]:
    per_class: dict[str, float | Null] = {}
    aucs = []
    for label, name in enumerate(classes):
        rows = attacked.labels == label
        if name not in attacked.left_out:
            aucs.append(_auc(attacked.scores[rows], attacked.member[rows]))
        per_class[name] = attacked.left_out[name] if name in attacked.left_out else aucs[-1]
    auc = float(np.mean(aucs)) if aucs else NOBODY
    return {"auc": auc, **_told(attacked.scores, attacked.member), "per_class": per_class}


def _of_people(attacked: Attacked) -> dict[str, Any]:
    people, first = np.unique(attacked.subjects, return_index=True)
    scores = np.array([attacked.scores[attacked.subjects == person].mean() for person in people])
    told = _told(scores, attacked.member[first])
    members, others = told["members"], told["non_members"]
    if not members or not others:
        return {"auc": NOBODY, "stddev_without_leak": NOBODY, **told}
    chance = float(np.sqrt((members + others + 1) / (12 * members * others)))
    return {"auc": _auc(scores, attacked.member[first]), "stddev_without_leak": chance, **told}


def _auc(scores: Scores, member: Member) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(member, scores))


def _told(scores: Scores, member: Member) -> dict[str, Any]:
    """How many stand on each side, and the share of members told where at most 1 % of the others are told too."""
    from sklearn.metrics import roc_curve

    members, others = int(member.sum()), int((~member).sum())
    told: float | Null = null(f"1 % of {others} non-members is nobody")
    if members and others >= 1 / FALSE_POSITIVES:
        false, true, _ = roc_curve(member, scores, drop_intermediate=False)
        told = float(true[false <= FALSE_POSITIVES].max())
    return {"tpr_at_1_percent_fpr": told, "members": members, "non_members": others}


def _no_one_twice(*sides: Windows) -> None:
    people = [set(side.subjects) for side in sides]
    twice = (people[0] & people[1]) | (people[0] & people[2]) | (people[1] & people[2])
    if twice:
        raise ValueError(
            f"Members, non-members and reference must be different people, but {sorted(twice)} are on two sides. "
            "Pass fit, validation and test."
        )
