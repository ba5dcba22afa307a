"""The search for params: what may change, how a trial is scored on validation people, and the study that remembers."""
