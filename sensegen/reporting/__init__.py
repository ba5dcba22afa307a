"""The report: one self-contained page and its figures, the same bytes for the same results.

`results` reads what the stages left, `measures` and `tables` arrange the numbers, `wording` says what they mean,
`drawing`, `window_figures` and `training_figures` draw (the one door of matplotlib), `page` puts everything into
one HTML file.
"""
