"""The pipeline that runs by itself: servers, deployments with their schedules, a worker, and who is told of what."""
