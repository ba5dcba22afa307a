"""Are there copies of training windows among the synthetic ones, and can one tell who was trained on: in words."""

from collections.abc import Mapping
from typing import Any

from sensegen.reporting.answers import Answer, Tone, listed, percent, unmeasured
from sensegen.reporting.measures import Measure, find

DOMAINS = ("time", "spectrum")
BEYOND_FLOOR = 0.01  # share of copies above that of held-out windows from which they are no accident
NEAR = 0.5  # of the distance of later real windows: new windows of UCI HAR have 0.66 at the least
ATTACKS = {"time": "whole windows", "spectrum": "spectra", "halves": "halves of windows"}
LEAK, SLIGHT = 0.75, 0.6  # of an AUC: told more often than not; more than windows of other people are (0.41 to 0.59)
POWERFUL = 0.9  # the AUC that an attack on outright copies must reach
CHANCE = 2.0  # standard deviations of chance
NO_PROOF = "The distance to the closest training window is no proof of privacy."

Metrics = Mapping[str, Any]


def copies(metrics: Metrics) -> Answer:
    """Whether training windows come back, in time or in spectrum, beside what later real windows of the same have."""
    told = {domain: find(metrics, "memorisation", "copies", domain, "share") for domain in DOMAINS}
    if missing := [found.reason for found in told.values() if found.mean is None]:
        return unmeasured("Copies", missing[0])
    details = (*(_share_sentence(metrics, domain) for domain in DOMAINS), _ratio_sentence(metrics))
    if found := [domain for domain in DOMAINS if _copied(metrics, domain)]:
        where = " and ".join(f"{percent(told[domain].mean or 0.0)} in {domain}" for domain in found)
        return Answer("Copies", f"yes, {where}", "bad", _copies_sentence(metrics, found), details)
    if because := _too_near(metrics):
        return Answer("Copies", "suspected", "bad", because, details)
    return Answer("Copies", *_few(metrics, told), details)


def _few(metrics: Metrics, told: Mapping[str, Measure]) -> tuple[str, Tone, str]:
    """What to say of no copies, or of no more than the floor and a little."""
    floors = {domain: find(metrics, "memorisation", "copies", domain, "floor").mean or 0.0 for domain in told}
    if above := [found.mean for domain, found in told.items() if found.mean and found.mean > floors[domain]]:
        most = percent(max(above))
        because = f"{most} of the synthetic windows lie near a training window, hardly more than later real windows do."
        return f"hardly any ({most})", "good", because
    word = "none beyond the floor" if any(found.mean for found in told.values()) else "none"
    return (
        word,
        "good",
        "No more synthetic windows lie near a training window than later windows of the same people do.",
    )


def _too_near(metrics: Metrics) -> str:
    """What to say of windows that are no copies as such, and yet nearer than new windows are; nothing of others."""
    near = _smallest(metrics)
    if near.mean is not None and near.mean < NEAR:
        return (
            f"No copies as such, but in one class synthetic windows lie at {near.text} of the distance that later real "
            "windows keep from the training windows: too near for new windows."
        )
    for domain in DOMAINS:
        found, floor = (find(metrics, "memorisation", "authenticity", domain, key) for key in ("over_classes", "floor"))
        if found.mean is not None and floor.mean is not None and found.mean < NEAR * floor.mean:
            return (
                f"No copies as such, but only {percent(found.mean)} of the synthetic windows are farther from a "
                f"training window than that one is from the next one (in {domain}; of later real windows "
                f"{percent(floor.mean)} are)."
            )
    return ""


def _copied(metrics: Metrics, domain: str) -> bool:
    share, exact, floor = (find(metrics, "memorisation", "copies", domain, key) for key in ("share", "exact", "floor"))
    usual = floor.mean or 0.0
    return (share.mean or 0.0) > usual + BEYOND_FLOOR or (exact.mean or 0.0) > usual


def _copies_sentence(metrics: Metrics, found: list[str]) -> str:
    shares = [find(metrics, "memorisation", "copies", domain, key).mean or 0.0
              for domain in found for key in ("share", "floor")]  # fmt: skip
    of = "the training windows" if "time" in found else "the spectra of training windows"
    return (
        f"{percent(shares[0])} of the synthetic windows repeat {of}, and {percent(shares[1])} of later real windows do "
        "(the floor)."
    )


def _share_sentence(metrics: Metrics, domain: str) -> str:
    keys = ("share", "exact", "floor")
    share, exact, floor = (find(metrics, "memorisation", "copies", domain, key) for key in keys)
    return f"Copies in {domain}: share {share.whole}, exact {exact.text}, floor {floor.text}."


def _smallest(metrics: Metrics) -> Measure:
    found = [find(metrics, "memorisation", "nearest_neighbour_ratio", domain, "smallest") for domain in DOMAINS]
    measured = [one for one in found if one.mean is not None]
    return min(measured, key=lambda one: one.mean or 0.0) if measured else found[0]


def _ratio_sentence(metrics: Metrics) -> str:
    ratios = [find(metrics, "memorisation", "nearest_neighbour_ratio", domain, "over_classes") for domain in DOMAINS]
    authentic = [find(metrics, "memorisation", "authenticity", "time", key) for key in ("over_classes", "floor")]
    return (
        f"Distance to the nearest training window over that of later real ones: {ratios[0].text} in time, "
        f"{ratios[1].text} in spectrum (1 is as far, 0 is a copy); authenticity {authentic[0].text} (floor "
        f"{authentic[1].text})."
    )


def membership(metrics: Metrics) -> Answer:
    """Whether attacks tell the training windows, and the training people, from others."""
    found = {name: find(metrics, "privacy", "by_window", name, "auc") for name in ATTACKS}
    measured = {name: auc for name, auc in found.items() if auc.mean is not None}
    if not measured:
        return unmeasured("Membership", found["time"].reason)
    strongest = max(measured, key=lambda name: measured[name].mean or 0.0)
    auc = measured[strongest]
    word, tone = _leak(auc)
    because = (
        f"The strongest of {len(measured)} attacks, by {ATTACKS[strongest]}, ranks a training window before one that "
        f"nobody trained on in {percent(auc.mean or 0.0)} of pairs (50 % is a coin)."
    )
    blind = _blind_sentence(metrics)
    if blind and tone == "good":
        word, tone = "not known", "unknown"
    details = (*filter(None, [blind]), *_people_sentences(metrics), NO_PROOF)
    return Answer("Membership", word, tone, because, details)


def _leak(auc: Measure) -> tuple[str, Tone]:
    if (auc.mean or 0.0) >= LEAK:
        return "leaks", "bad"
    if (auc.mean or 0.0) > SLIGHT:
        return "leaks a little", "mixed"
    return "not told by these attacks", "good"


def _blind_sentence(metrics: Metrics) -> str:
    """What to say of attacks that do not even tell the members of an outright copy."""
    control = find(metrics, "controls", "bootstrap", "membership_auc")
    if control.mean is None:
        return f"How well the attacks do on outright copies was not measured ({control.reason})."
    if control.mean >= POWERFUL:
        return ""
    return (
        f"Even of outright copies the attacks reach no more than {control.text}, and {POWERFUL} is asked of them: what "
        "they do not find on these windows may still be there."
    )


def _people_sentences(metrics: Metrics) -> list[str]:
    """The strongest attack on people, where there are enough of them to tell it from chance."""
    told = []
    for name in DOMAINS:
        auc, chance, members, others = (
            find(metrics, "privacy", "by_subject", name, key)
            for key in ("auc", "stddev_without_leak", "members", "non_members")
        )
        if auc.mean is None or not chance.mean:
            continue
        beyond = abs(auc.mean - 0.5) > CHANCE * chance.mean
        word = "more than chance explains" if beyond else "which chance alone explains"
        told.append(
            f"By person in {name}, AUC {auc.whole}: {word}, with {members.text} people trained on, {others.text} not."
        )
    return told


def catches(metrics: Metrics) -> str:
    """Which attacks and shares catch the copying control, for those who doubt the measure."""
    names = {"copies_time": "copies in time", "copies_spectrum": "copies in spectrum", "membership_auc": "membership"}
    found = [(word, find(metrics, "controls", "bootstrap", key)) for key, word in names.items()]
    told = [f"{word} {measure.text}" for word, measure in found if measure.mean is not None]
    return f"Of an outright copy of training windows these measures say: {listed(told)}." if told else ""
