"""The stages of the pipeline, one short file each: read, one call, write. `python -m stages NAME` runs one."""
