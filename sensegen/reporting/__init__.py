"""The report: one self-contained page, its figures and a model card, the same bytes for the same results.

`reading` reads `results` of the stages, `judged` takes them from an evaluation of windows from anywhere. `measures` and
`tables` arrange the numbers, `control_table` says which measure catches which cheat, `downloads` gives tables as CSV.
`verdict` answers the questions of the first screen in words: `usefulness`, `telling`, `copying`, with `answers`,
`bands` and `sides`; `wording` and `clock` say the rest. `curves`, `embedding` and `charts` lay out what is drawn as
SVG; `pictures`, `sheets`, `drawing`, `window_figures` and `training_figures` draw PNG (the one door of matplotlib).
`page` puts everything into one HTML file, section by section, and `model_card` into Markdown.
"""
