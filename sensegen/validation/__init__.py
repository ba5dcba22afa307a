"""What may pass: recordings that are what their dataset declares, and windows whose splits are apart.

`inspection` measures recordings, `expectations` says what must hold, `gate` lets Great Expectations judge,
`quarantine` keeps what was refused and why, `distributions` finds drift. `window_gate` looks at the splits.
"""
