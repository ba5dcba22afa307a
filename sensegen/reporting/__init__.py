"""The report: one self-contained page and its figures, the same bytes for the same results.

`results` reads what the stages left, `measures` and `tables` arrange the numbers, `wording` and `clock` say what they
mean, `sheets` chooses the windows to show, `drawing`, `window_figures` and `training_figures` draw (the one door of
matplotlib), `page` puts everything into one HTML file.
"""
