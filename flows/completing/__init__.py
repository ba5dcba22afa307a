"""`sensegen densify`, `fill` and `extrapolate`: what is missing of a recording, drawn given what is there."""
