"""What is run: the pipeline, and the command line. The only place that knows Prefect."""
