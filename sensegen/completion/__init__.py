"""What was not recorded, drawn given what was: between samples, in gaps, and after the end (docs/completion.md).

Stretches of recordings are taken for linear Gaussian processes of several kinds (`kinds`), each as loud as it is where
it stands (`pieces`), about a level or a season (`levels`). Of such a process everything missing is drawn at once from
its exact conditional distribution (`conditional`). How far the truth really was from what was drawn, on recordings that
were not learned from, corrects the spread (`spreads`).
"""
